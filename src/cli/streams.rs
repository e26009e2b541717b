//! Standard output and standard error as commands write to them.

use std::io::{self, ErrorKind, Write};

/// An output whose reader may leave early (`| head`): that is no failure, and the rest goes nowhere.
/// Any other error is one.
pub(super) struct Pipe<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Pipe<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    fn unless_closed<T>(&mut self, result: io::Result<T>, done: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(done)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        self.unless_closed(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.unless_closed(result, ())
    }
}

/// Diagnostics: where they cannot be written, no verdict changes.
pub(super) struct Diagnostics<'a>(pub(super) &'a mut dyn Write);

impl Write for Diagnostics<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure_and_a_full_disk_is_one() {
        let mut left = Pipe::new(Failing(ErrorKind::BrokenPipe));
        assert!(left.write_all(b"x").is_ok() && left.flush().is_ok() && left.closed);
        let mut full = Pipe::new(Failing(ErrorKind::StorageFull));
        assert!(full.write_all(b"x").is_err() && full.flush().is_err());
        let mut nowhere = Failing(ErrorKind::StorageFull);
        assert!(Diagnostics(&mut nowhere).write_all(b"x").is_ok());
    }
}
