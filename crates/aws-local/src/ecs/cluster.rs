//! Clusters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refusal::{Answered, Refusal, last_part, list, text};

/// Clusters by name.
#[derive(Debug, Default)]
pub(super) struct Clusters(BTreeMap<String, Value>);

impl Clusters {
    /// `CreateCluster`; one that exists is answered as it is.
    pub(super) fn create(&mut self, prefix: &str, request: &Value) -> Value {
        let name = name_of(request, "clusterName");
        let is_there = self
            .0
            .get(name)
            .is_some_and(|cluster| cluster["status"] == "ACTIVE");
        if !is_there {
            let or_empty = |field: &str| {
                if request[field].is_null() {
                    json!([])
                } else {
                    request[field].clone()
                }
            };
            let cluster = json!({
                "clusterName": name,
                "clusterArn": format!("{prefix}:cluster/{name}"),
                "status": "ACTIVE",
                "capacityProviders": or_empty("capacityProviders"),
                "defaultCapacityProviderStrategy": or_empty("defaultCapacityProviderStrategy"),
                "settings": or_empty("settings"),
                "tags": or_empty("tags"),
                "registeredContainerInstancesCount": 0,
                "activeServicesCount": 0,
            });
            self.0.insert(name.to_owned(), cluster);
        }
        json!({ "cluster": self.0.get(name) })
    }

    /// `PutClusterCapacityProviders`.
    pub(super) fn put_providers(&mut self, request: &Value) -> Answered {
        let name = self.active(request)?;
        let cluster = self.0.entry(name).or_default();
        for field in ["capacityProviders", "defaultCapacityProviderStrategy"] {
            cluster[field] = request[field].clone();
        }
        Ok(json!({ "cluster": cluster }))
    }

    /// `DescribeClusters`, with the tasks that wait or run in each.
    pub(super) fn describe(
        &self,
        request: &Value,
        count: impl Fn(&str) -> (usize, usize),
    ) -> Value {
        let mut names: Vec<&str> = list(request, "clusters")
            .filter_map(Value::as_str)
            .collect();
        if names.is_empty() {
            names.push("default");
        }
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for name in names {
            let Some(cluster) = self.0.get(last_part(name)) else {
                failures.push(json!({ "arn": name, "reason": "MISSING" }));
                continue;
            };
            let mut cluster = cluster.clone();
            let (pending, running) = count(last_part(name));
            cluster["pendingTasksCount"] = json!(pending);
            cluster["runningTasksCount"] = json!(running);
            clusters.push(cluster);
        }
        json!({ "clusters": clusters, "failures": failures })
    }

    /// `DeleteCluster`.
    pub(super) fn delete(
        &mut self,
        request: &Value,
        count: impl Fn(&str) -> (usize, usize),
    ) -> Answered {
        let name = self.active(request)?;
        if count(&name) != (0, 0) {
            let message = "The Cluster cannot be deleted while Tasks are active.";
            return Err(Refusal::new("ClusterContainsTasksException", message));
        }
        let cluster = self.0.entry(name).or_default();
        cluster["status"] = json!("INACTIVE");
        Ok(json!({ "cluster": cluster }))
    }

    /// The name of the cluster that the request means, which must be there.
    pub(super) fn active(&self, request: &Value) -> Result<String, Refusal> {
        let name = name_of(request, "cluster");
        match self.0.get(name) {
            Some(cluster) if cluster["status"] == "ACTIVE" => Ok(name.to_owned()),
            Some(_) => Err(Refusal::client("The referenced cluster was inactive.")),
            None => Err(Refusal::new(
                "ClusterNotFoundException",
                "Cluster not found.",
            )),
        }
    }

    /// Whether tasks of the cluster may be placed by the capacity provider.
    pub(super) fn has_provider(&self, cluster: &str, provider: &str) -> bool {
        self.0
            .get(cluster)
            .is_some_and(|cluster| list(cluster, "capacityProviders").any(|one| one == provider))
    }
}

fn name_of<'a>(request: &'a Value, field: &str) -> &'a str {
    match last_part(text(request, field)) {
        "" => "default",
        name => name,
    }
}
