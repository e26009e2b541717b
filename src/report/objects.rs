//! The objects that a run checked, one after the other: as JSON lines, a CSV table or a Parquet
//! file.

#[cfg(feature = "parquet")]
mod parquet;
mod record;

use std::fmt;
use std::io::{self, Write};

#[cfg(feature = "parquet")]
use self::parquet::ParquetObjects;
pub use self::record::{ObjectKind, ObjectRecord, ObjectResult};
use super::json;
use super::table::{Cell, Table, cell, chain_cell};

/// Format of the list of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectForm {
    /// A JSON object a line.
    JsonLines,
    /// A row each, below a head that names the same fields.
    Csv,
    /// A Parquet file with the same fields as columns, where this build writes it.
    Parquet,
}

impl ObjectForm {
    /// The form that the name of a file asks for: a table where it ends in `.csv` or `.parquet`.
    #[must_use]
    pub fn of_file(name: &str) -> Self {
        match name.to_lowercase().rsplit_once('.') {
            Some((_, "csv")) => Self::Csv,
            Some((_, "parquet")) => Self::Parquet,
            _ => Self::JsonLines,
        }
    }
}

/// A list of objects that is being written.
pub struct ObjectWriter<W: Write + Send>(ObjectSink<W>);

enum ObjectSink<W: Write + Send> {
    /// The output, and a buffer for one line.
    JsonLines(W, Vec<u8>),
    /// The output, and a buffer for one row.
    Csv(W, Vec<u8>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetObjects<W>>),
}

impl<W: Write + Send> fmt::Debug for ObjectWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectWriter").finish_non_exhaustive()
    }
}

impl<W: Write + Send> ObjectWriter<W> {
    /// Writes what comes before the first object.
    ///
    /// # Errors
    /// When the output cannot be written, or this build does not write the form.
    pub fn begin(form: ObjectForm, out: W) -> io::Result<Self> {
        let mut writer = Self(match form {
            ObjectForm::JsonLines => ObjectSink::JsonLines(out, Vec::new()),
            ObjectForm::Csv => ObjectSink::Csv(out, Vec::new()),
            #[cfg(feature = "parquet")]
            ObjectForm::Parquet => ObjectSink::Parquet(Box::new(ParquetObjects::begin(out)?)),
            #[cfg(not(feature = "parquet"))]
            ObjectForm::Parquet => return Err(io::ErrorKind::Unsupported.into()),
        });
        if let ObjectSink::Csv(out, line) = &mut writer.0 {
            row(out, line, HEAD.map(cell))?;
        }
        Ok(writer)
    }

    /// Writes one object.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(&mut self, record: &ObjectRecord<'_>) -> io::Result<()> {
        match &mut self.0 {
            ObjectSink::JsonLines(out, line) => {
                line.clear();
                json::render_line(record, line)?;
                out.write_all(line)
            }
            ObjectSink::Csv(out, line) => row(out, line, cells(record)),
            #[cfg(feature = "parquet")]
            ObjectSink::Parquet(file) => file.push(record),
        }
    }

    /// Writes what comes after the last object, and gives the output back.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            ObjectSink::JsonLines(out, _) | ObjectSink::Csv(out, _) => Ok(out),
            #[cfg(feature = "parquet")]
            ObjectSink::Parquet(file) => file.finish(),
        }
    }
}

const HEAD: [&str; 8] =
    ["object", "result", "code", "chain", "bucket", "key", "referenced_by", "bytes"];

fn cells(record: &ObjectRecord<'_>) -> [Cell; HEAD.len()] {
    let bytes = record.bytes.to_string();
    [
        cell(record.object.as_str()),
        cell(record.result.as_str()),
        cell(record.code.map(|code| code.as_str())),
        chain_cell(record.chain.as_deref()),
        cell(record.bucket.as_deref()),
        cell(&*record.key),
        cell(record.referenced_by.as_deref()),
        cell(&*bytes),
    ]
}

/// Writes a row at once: a table flushes its output.
fn row<const N: usize>(
    out: &mut impl Write,
    line: &mut Vec<u8>,
    cells: [Cell; N],
) -> io::Result<()> {
    line.clear();
    let mut table = Table::new(&mut *line);
    table.row(cells)?;
    table.finish()?;
    out.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Code;

    #[test]
    fn all_forms_of_text_have_the_same_fields() {
        let record = ObjectRecord {
            object: ObjectKind::Log,
            result: ObjectResult::Invalid,
            code: Some(Code::LogMissing),
            chain: None,
            bucket: Some("b".into()),
            key: "=1,\n".into(),
            referenced_by: Some("d".into()),
            bytes: 7,
        };
        let written = |form: ObjectForm| {
            let mut writer = ObjectWriter::begin(form, Vec::new()).unwrap();
            writer.write(&record).unwrap();
            String::from_utf8(writer.finish().unwrap()).unwrap()
        };
        assert_eq!(
            written(ObjectForm::Csv),
            "object,result,code,chain,bucket,key,referenced_by,bytes\r\n\
             log,invalid,log-missing,,b,\"'=1,\\u{a}\",d,7\r\n"
        );
        let line = written(ObjectForm::JsonLines);
        assert_eq!(
            line,
            "{\"object\":\"log\",\"result\":\"invalid\",\"code\":\"log-missing\",\"chain\":null,\
             \"bucket\":\"b\",\"key\":\"=1,\\n\",\"referenced_by\":\"d\",\"bytes\":7}\n"
        );
        // What others read back is the record.
        assert_eq!(serde_json::from_str::<ObjectRecord<'_>>(&line).unwrap(), record);
    }

    #[test]
    fn the_name_of_the_file_tells_the_form() {
        assert_eq!(ObjectForm::of_file("July.CSV"), ObjectForm::Csv);
        assert_eq!(ObjectForm::of_file("July.Parquet"), ObjectForm::Parquet);
        assert_eq!(ObjectForm::of_file("csv.jsonl"), ObjectForm::JsonLines);
        assert_eq!(ObjectForm::of_file("parquet"), ObjectForm::JsonLines);
    }
}
