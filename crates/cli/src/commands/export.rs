use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jobctl_warehouse::{ExportIssue, Query, Warehouse, WarehouseError};

use crate::args::{ExportArgs, ExportExtra, ExportFormat};
use crate::error::Failure;
use crate::exit::Code;
use crate::session::Session;
use crate::text;
use crate::views::{Paint, Scene, issues};

/// Writes imported issues to a file, all or nothing, or to stdout.
pub(crate) fn export(session: &Session, args: &ExportArgs) -> Result<Code, Failure> {
    let mut query = super::issues::query(&args.query, args.source.as_deref());
    query.history |= args.with.contains(&ExportExtra::History);
    query.raw |= args.with.contains(&ExportExtra::Raw);
    let warehouse = super::issues::warehouse(session)?;
    if warehouse.is_none() {
        session.screen.note("No issues were imported yet. Next: jobctl import github:OWNER/REPO");
    }
    let count = match &args.output {
        None => to_stdout(session, warehouse.as_ref(), &query, args.format)?,
        Some(path) => {
            let path = session.directory.join(path);
            to_file(session, warehouse.as_ref(), &query, args.format, &path)?
        }
    };
    session.screen.note(&format!("Exported {}", text::plural(count, "issue", "issues")));
    Ok(Code::Fine)
}

fn to_stdout(
    session: &Session,
    warehouse: Option<&Warehouse>,
    query: &Query,
    format: ExportFormat,
) -> Result<u64, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(session, warehouse, query, format, &mut out) {
        Err(WarehouseError::Export { source }) => Err(Failure::Output(source)),
        Err(error) => Err(error.into()),
        Ok(count) => {
            out.flush().map_err(Failure::Output)?;
            Ok(count)
        }
    }
}

/// Beside the file first, then in its place: no reader ever meets half an export.
fn to_file(
    session: &Session,
    warehouse: Option<&Warehouse>,
    query: &Query,
    format: ExportFormat,
    path: &Path,
) -> Result<u64, Failure> {
    let failed = |verb| move |source| Failure::Io { verb, path: path.to_owned(), source };
    let temporary = beside(path);
    let file = File::options().write(true).create_new(true).open(&temporary);
    let mut out = BufWriter::new(file.map_err(failed("write"))?);
    let written = write(session, warehouse, query, format, &mut out)
        .map_err(|error| {
            if let WarehouseError::Export { source } = error {
                failed("write")(source)
            } else {
                error.into()
            }
        })
        .and_then(|count| {
            let file = out.into_inner().map_err(|error| failed("write")(error.into_error()))?;
            file.sync_all().map_err(failed("sync"))?;
            fs::rename(&temporary, path).map_err(failed("replace"))?;
            Ok(count)
        });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write(
    session: &Session,
    warehouse: Option<&Warehouse>,
    query: &Query,
    format: ExportFormat,
    out: &mut dyn Write,
) -> Result<u64, WarehouseError> {
    let scene = Scene { paint: Paint(false), ..session.screen.scene() };
    if format == ExportFormat::Csv {
        out.write_all(issues::CSV_HEADER.as_bytes())
            .map_err(|source| WarehouseError::Export { source })?;
    }
    let Some(warehouse) = warehouse else { return Ok(0) };
    warehouse.export(query, &mut |issue: ExportIssue| match format {
        ExportFormat::Jsonl => {
            serde_json::to_writer(&mut *out, &issue)?;
            out.write_all(b"\n")
        }
        ExportFormat::Csv => out.write_all(issues::csv(&issue).as_bytes()),
        ExportFormat::Markdown => {
            out.write_all(issues::whole(&issue, &scene).as_bytes())?;
            out.write_all(b"\n---\n\n")
        }
    })
}
