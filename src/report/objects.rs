//! The objects that a run checked, one after the other: as JSON lines or as a table.

#[cfg(feature = "parquet")]
mod parquet;

use std::io::{self, Write};

#[cfg(feature = "parquet")]
pub use self::parquet::ParquetObjects;
use super::table::{Cell, Table, cell, chain_cell};
use super::{ObjectReport, json};

/// Format of the list of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectForm {
    /// A JSON object a line.
    JsonLines,
    /// A row each, below a head that names the same fields.
    Csv,
    /// A Parquet file with the same fields as columns. A run writes JSON lines, which
    /// `ParquetObjects` turns into it.
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

    /// Writes what comes before the first object.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn begin(self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::JsonLines | Self::Parquet => Ok(()),
            Self::Csv => row(out, HEAD.map(cell)),
        }
    }

    /// Writes one object.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(self, object: &ObjectReport<'_>, out: &mut dyn Write) -> io::Result<()> {
        if self != Self::Csv {
            return json::render_line(object, out);
        }
        let bytes = object.bytes.to_string();
        row(
            out,
            [
                cell(object.object),
                cell(object.result),
                cell(object.code.map(|code| code.as_str())),
                chain_cell(object.chain),
                cell(object.bucket),
                cell(object.key),
                cell(object.referenced_by),
                cell(&*bytes),
            ],
        )
    }
}

const HEAD: [&str; 8] =
    ["object", "result", "code", "chain", "bucket", "key", "referenced_by", "bytes"];

fn row<const N: usize>(out: &mut dyn Write, cells: [Cell; N]) -> io::Result<()> {
    let mut table = Table::new(out);
    table.row(cells)?;
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_the_same_fields() {
        let object = ObjectReport {
            object: "log",
            result: "invalid",
            code: Some(crate::verify::Code::LogMissing),
            chain: None,
            bucket: Some("b"),
            key: "=1,\n",
            referenced_by: Some("d"),
            bytes: 7,
        };
        let written = |form: ObjectForm| {
            let mut out = Vec::new();
            form.begin(&mut out).unwrap();
            form.write(&object, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            written(ObjectForm::Csv),
            "object,result,code,chain,bucket,key,referenced_by,bytes\r\n\
             log,invalid,log-missing,,b,\"'=1,\\u{a}\",d,7\r\n"
        );
        let line = written(ObjectForm::JsonLines);
        for field in HEAD {
            assert!(line.contains(&format!("\"{field}\":")), "{field}");
        }
        assert_eq!(line.matches("\":").count(), HEAD.len());
    }

    #[test]
    fn the_name_of_the_file_tells_the_form() {
        assert_eq!(ObjectForm::of_file("July.CSV"), ObjectForm::Csv);
        assert_eq!(ObjectForm::of_file("July.Parquet"), ObjectForm::Parquet);
        assert_eq!(ObjectForm::of_file("csv.jsonl"), ObjectForm::JsonLines);
        assert_eq!(ObjectForm::of_file("parquet"), ObjectForm::JsonLines);
    }
}
