//! DescribeTrails and GetTrailStatus of CloudTrail: one answer in every region.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::lock;
use super::public_keys::Refusal;

#[derive(Default)]
pub(super) struct Trails(Mutex<Vec<(Value, Value)>>);

impl Trails {
    pub(super) fn add(&self, described: Value, status: Value) {
        lock(&self.0).push((described, status));
    }

    pub(super) fn describe(&self) -> Value {
        let trails: Vec<_> = lock(&self.0).iter().map(|(described, _)| described.clone()).collect();
        json!({ "trailList": trails })
    }

    pub(super) fn status(&self, request: &Value) -> Result<Value, Refusal> {
        let trails = lock(&self.0);
        let found = trails.iter().find(|(described, _)| described["TrailARN"] == request["Name"]);
        found.map(|(_, status)| status.clone()).ok_or("TrailNotFoundException")
    }
}
