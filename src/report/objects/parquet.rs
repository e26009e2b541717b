//! The objects of a run as a Parquet file, for query engines.
//!
//! The columns are the fields of a record. Rows are written in groups, so that memory does not
//! grow with the number of objects.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::record::ObjectRecord;

/// Rows of a group: some 20 MB of memory.
const GROUP: usize = 1 << 16;

/// A Parquet file that is being written; what a record lacks is null.
pub(super) struct ParquetObjects<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: RowGroup,
}

/// The columns of the rows that the next group is made of.
#[derive(Default)]
struct RowGroup {
    count: usize,
    texts: [TextColumn; TEXTS.len()],
    bytes: Vec<i64>,
}

/// The values of a text column, and which rows have one.
#[derive(Default)]
struct TextColumn {
    values: Vec<ByteArray>,
    /// 1 for a row with a value, 0 for one without (Parquet's definition levels).
    present: Vec<i16>,
}

/// The text columns, in order, and whether a row may lack a value.
const TEXTS: [(&str, Repetition); 7] = [
    ("object", Repetition::REQUIRED),
    ("result", Repetition::REQUIRED),
    ("code", Repetition::OPTIONAL),
    ("chain", Repetition::OPTIONAL),
    ("bucket", Repetition::OPTIONAL),
    ("key", Repetition::REQUIRED),
    ("referenced_by", Repetition::OPTIONAL),
];

impl<W: Write + Send> ParquetObjects<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(GzipLevel::default()))
            .set_created_by(format!("trailseal version {}", env!("CARGO_PKG_VERSION")))
            .build();
        let file = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
        Ok(Self { file, rows: RowGroup::default() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a group of rows is full and cannot be written.
    pub(super) fn push(&mut self, record: &ObjectRecord<'_>) -> io::Result<()> {
        self.rows.push(record);
        if self.rows.count == GROUP {
            self.rows.write(&mut self.file)?;
        }
        Ok(())
    }

    /// Writes the last rows and the end of the file.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if self.rows.count > 0 {
            self.rows.write(&mut self.file)?;
        }
        Ok(self.file.into_inner()?)
    }
}

impl RowGroup {
    fn push(&mut self, record: &ObjectRecord<'_>) {
        let chain = record.chain.as_ref().map(ToString::to_string);
        let values = [
            Some(record.object.as_str()),
            Some(record.result.as_str()),
            record.code.map(|code| code.as_str()),
            chain.as_deref(),
            record.bucket.as_deref(),
            Some(&*record.key),
            record.referenced_by.as_deref(),
        ];
        for (column, value) in self.texts.iter_mut().zip(values) {
            column.present.push(i16::from(value.is_some()));
            column.values.extend(value.map(|value| ByteArray::from(value.as_bytes().to_vec())));
        }
        self.bytes.push(i64::try_from(record.bytes).unwrap_or(i64::MAX));
        self.count += 1;
    }

    /// Writes the rows as a group, and leaves none.
    fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> io::Result<()> {
        let rows = std::mem::take(self);
        let mut group = file.next_row_group()?;
        for (column, (_, repetition)) in rows.texts.iter().zip(TEXTS) {
            let Some(mut writer) = group.next_column()? else { return Err(no_column()) };
            let present = (repetition == Repetition::OPTIONAL).then_some(&*column.present);
            writer.typed::<ByteArrayType>().write_batch(&column.values, present, None)?;
            writer.close()?;
        }
        let Some(mut writer) = group.next_column()? else { return Err(no_column()) };
        writer.typed::<Int64Type>().write_batch(&rows.bytes, None, None)?;
        writer.close()?;
        group.close()?;
        Ok(())
    }
}

/// The error of a schema with fewer columns than are written, which [`schema`] does not make.
fn no_column() -> io::Error {
    io::Error::other("the schema of the objects has too few columns")
}

fn schema() -> Result<TypePtr, ParquetError> {
    let text = |(name, repetition)| {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY);
        let column = column.with_repetition(repetition);
        Ok(Arc::new(column.with_logical_type(Some(LogicalType::String)).build()?))
    };
    let bytes = Type::primitive_type_builder("bytes", Physical::INT64)
        .with_repetition(Repetition::REQUIRED)
        .build()?;
    let mut columns = TEXTS.into_iter().map(text).collect::<Result<Vec<_>, ParquetError>>()?;
    columns.push(Arc::new(bytes));
    Ok(Arc::new(Type::group_type_builder("objects").with_fields(columns).build()?))
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::super::HEAD;
    use super::*;
    use crate::report::{ObjectKind, ObjectResult};

    #[test]
    fn a_file_has_every_record_in_groups_with_the_fields_of_the_json() {
        let rows = GROUP + 3;
        let mut file = ParquetObjects::begin(Vec::new()).unwrap();
        for number in 0..rows {
            let odd = number == 7;
            file.push(&ObjectRecord {
                object: ObjectKind::Log,
                result: if odd { ObjectResult::Invalid } else { ObjectResult::Valid },
                code: odd.then_some(crate::verify::Code::LogMissing),
                chain: None,
                bucket: Some("b\"\u{e9}".into()),
                key: format!("AWSLogs/{number}").into(),
                referenced_by: None,
                bytes: number as u64,
            })
            .unwrap();
        }
        let bytes = file.finish().unwrap();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), bytes).unwrap();
        let read = SerializedFileReader::new(path.reopen().unwrap()).unwrap();
        assert_eq!(read.num_row_groups(), 2);
        let schema = read.metadata().file_metadata().schema();
        let names: Vec<_> = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
        assert_eq!(names, HEAD);
        let mut seen = 0;
        for (number, row) in read.get_row_iter(None).unwrap().enumerate() {
            let row = row.unwrap();
            assert_eq!(row.get_string(5).unwrap(), &format!("AWSLogs/{number}"));
            assert_eq!(row.get_string(4).unwrap(), "b\"\u{e9}");
            assert_eq!(row.get_long(7).unwrap(), number as i64);
            assert_eq!(row.get_string(2).is_ok(), number == 7, "{number}");
            assert!(row.get_string(6).is_err());
            seen += 1;
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_run_without_objects_makes_an_empty_table() {
        let bytes = ParquetObjects::begin(Vec::new()).unwrap().finish().unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
}
