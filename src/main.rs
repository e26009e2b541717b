//! The `trailseal` command: streams, colours, the environment and the clock, handed to the library.

use std::ffi::OsStr;
use std::io::{BufWriter, ErrorKind, Write as _, stderr, stdout};
use std::process::{Command, ExitCode};

use anstream::ColorChoice;
use clap::FromArgMatches as _;
use jiff::Timestamp;
use trailseal::internals::cli::{Cli, ColorWhen, Console, INTERNAL};
use trailseal::internals::run::pool::Stop;

fn main() -> ExitCode {
    if let Some(status) = without_empty_variables() {
        return status;
    }
    let width = columns();
    let matches = Cli::command_for(width).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return show_usage(&error),
    };
    let color = match cli.color() {
        ColorWhen::Auto => anstream::AutoStream::choice(&stdout()) != ColorChoice::Never,
        ColorWhen::Always => true,
        ColorWhen::Never => false,
    };
    let mut out = BufWriter::new(stdout().lock());
    let mut err = stderr();
    let stop = Stop::default();
    let interrupted = stop.clone();
    // The first ^C ends the run with the report so far, the second one at once.
    let _ = ctrlc::set_handler(move || {
        if interrupted.is_set() {
            std::process::exit(130);
        }
        interrupted.set();
    });
    let status = cli.run(&mut Console {
        out: &mut out,
        err: &mut err,
        now: Timestamp::now(),
        color,
        width,
        stop,
    });
    ExitCode::from(status)
}

/// Help and version on standard output, wrong usage on standard error.
fn show_usage(error: &clap::Error) -> ExitCode {
    let shown = error.print().and_then(|()| stdout().flush());
    let lost = shown.is_err_and(|e| e.kind() != ErrorKind::BrokenPipe) && !error.use_stderr();
    ExitCode::from(if lost {
        INTERNAL
    } else {
        u8::try_from(error.exit_code()).unwrap_or(INTERNAL)
    })
}

/// Whether an empty variable of this name means the same as none: those of AWS, and of proxies and
/// certificates, which every AWS tool takes so.
fn is_unset_when_empty(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    name.starts_with("AWS_") || name.starts_with("SSL_CERT_") || name.ends_with("_PROXY")
}

/// Starts again without empty variables, where there are some: what reads the environment (the AWS
/// SDK, and what it starts) takes an empty one for a value, and some panic on it. `None` where
/// there is nothing to leave out.
fn without_empty_variables() -> Option<ExitCode> {
    let empty: Vec<_> = std::env::vars_os()
        .filter(|(name, value)| value.is_empty() && is_unset_when_empty(name))
        .map(|(name, _)| name)
        .collect();
    if empty.is_empty() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.args(std::env::args_os().skip(1));
    for name in empty {
        command.env_remove(name);
    }
    replace_with(command)
}

#[cfg(unix)]
fn replace_with(mut command: Command) -> Option<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    // It returns only where it fails; then the environment stays as it is.
    let _ = command.exec();
    None
}

#[cfg(not(unix))]
fn replace_with(mut command: Command) -> Option<ExitCode> {
    let status = command.status().ok()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(INTERNAL)))
}

/// Columns that results may take: as COLUMNS or the terminal says, within what reads well.
fn columns() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.filter(|columns| *columns > 0).or_else(terminal).unwrap_or(100).clamp(60, 120)
}
