//! Estimate of what a run would list and read, and of its cost: `trailseal.estimate/1`.
//!
//! Sizes are bytes as stored, rates and costs are US dollars.

use std::io::{self, Write};

use serde::Serialize;

use super::run::Scope;
use super::text::TextOptions;
use super::text::page::{BOLD, PLAIN, TextPage, UNSURE};
use super::wording::{bytes, count};
use crate::model::Printable;
use crate::verify::Finding;

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.estimate/1";

/// Number of objects and their stored size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Objects {
    /// The number.
    pub count: u64,
    /// Their bytes as stored.
    pub bytes: u64,
}

impl Objects {
    /// Adds one of so many bytes.
    pub const fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// Prices of requests and bytes, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// For a thousand LIST requests.
    pub list_per_1000: f64,
    /// For a thousand GET requests.
    pub get_per_1000: f64,
    /// For 2^30 bytes that leave the bucket's region.
    pub transfer_per_gib: f64,
}

/// Estimated cost of a run, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// The rates it goes by.
    pub rates: Rates,
    /// The LIST requests.
    pub list: f64,
    /// The GET requests.
    pub get: f64,
    /// The bytes.
    pub transfer: f64,
    /// All of it.
    pub total: f64,
}

/// Estimate of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// The requested scope.
    pub scope: Scope,
    /// Places looked at: accounts in a region.
    pub areas: u64,
    /// The digests that it would read.
    pub digests: Objects,
    /// The log files that it would read.
    pub logs: Objects,
    /// The LIST requests that it would make: as many as this estimate took.
    pub list_requests: u64,
    /// The GET requests that it would make.
    pub get_requests: u64,
    /// Cost; `None` if nothing is charged.
    pub cost: Option<Cost>,
    /// Findings while listing.
    pub findings: Vec<Finding>,
}

impl Estimate {
    /// Works out the cost.
    pub fn price(&mut self, rates: Rates) {
        let list = self.list_requests as f64 / 1000.0 * rates.list_per_1000;
        let get = self.get_requests as f64 / 1000.0 * rates.get_per_1000;
        let bytes = (self.digests.bytes + self.logs.bytes) as f64;
        let transfer = bytes / f64::from(1 << 30) * rates.transfer_per_gib;
        self.cost = Some(Cost { rates, list, get, transfer, total: list + get + transfer });
    }

    /// Writes it as text.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render(&self, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
        let mut page = TextPage::new(out, options);
        let message = " of what a run would do, from listings alone. Nothing was verified.";
        page.paragraph(0, ("ESTIMATE", BOLD), message, 2)?;
        page.blank()?;
        let places = format!("{} (pairs of account and region)", count(self.areas));
        page.row(2, ("places", PLAIN), places)?;
        let objects = |o: &Objects| format!("{}, {} as stored", count(o.count), bytes(o.bytes));
        page.row(2, ("digests", PLAIN), objects(&self.digests))?;
        page.row(2, ("log files", PLAIN), objects(&self.logs))?;
        let requests = format!(
            "{} ({} to list, {} to read)",
            count(self.list_requests + self.get_requests),
            count(self.list_requests),
            count(self.get_requests)
        );
        page.row(2, ("requests", PLAIN), requests)?;
        if let Some(Cost { rates, list, get, transfer, total }) = self.cost {
            let parts = format!(
                "{total:.2} USD: {list:.2} to list, {get:.2} to read, {transfer:.2} for transfer"
            );
            page.row(2, ("cost", PLAIN), parts)?;
            let Rates { list_per_1000, get_per_1000, transfer_per_gib } = rates;
            let rates = format!(
                "{list_per_1000} per 1,000 LIST, {get_per_1000} per 1,000 GET, {transfer_per_gib} per GiB that leaves the region (change with --list-rate, --get-rate, --transfer-rate; 0 for a run in the bucket's region)"
            );
            page.row(2, ("rates", PLAIN), rates)?;
        }
        if !self.findings.is_empty() {
            page.heading("Found while listing")?;
        }
        for finding in &self.findings {
            let key = finding.key.as_deref().unwrap_or_default();
            let text = format!(": {} {}", Printable(&finding.message), Printable(key));
            page.paragraph(2, (finding.code.as_str(), UNSURE), &text, 4)?;
        }
        page.finish()
    }
}
