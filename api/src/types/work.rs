//! `work.open-cluster-management.io`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube_derive::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Objects to have in a managed cluster; the work's namespace is the cluster's.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "work.open-cluster-management.io",
    version = "v1",
    kind = "ManifestWork",
    plural = "manifestworks",
    namespaced,
    schema = "disabled",
    status = "ManifestWorkStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestWorkSpec {
    /// The objects.
    pub workload: Workload,
    /// What becomes of them when the work goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_option: Option<DeleteOption>,
    /// What is particular to some of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifest_configs: Vec<ManifestConfig>,
    /// On whose behalf they are applied; none is the agent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<Executor>,
}

/// The objects of a work.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Workload {
    /// Objects as they are to be, in the order they are applied in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Value>,
}

/// What becomes of a work's objects when it goes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeleteOption {
    /// All of them.
    pub propagation_policy: PropagationPolicy,
    /// For [`PropagationPolicy::SelectivelyOrphan`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selectively_orphans: Option<SelectivelyOrphan>,
    /// So long after its condition `Complete` the work itself is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i64>,
}

/// What becomes of objects.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum PropagationPolicy {
    /// They are deleted, and the work is gone when they are.
    #[default]
    Foreground,
    /// They stay.
    Orphan,
    /// Those that a rule names stay.
    SelectivelyOrphan,
}

/// Which objects stay.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectivelyOrphan {
    /// Each names one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orphaning_rules: Vec<ResourceIdentifier>,
}

/// An object of a work; name and namespace may have `*` in them where a config asks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceIdentifier {
    /// Empty for the core group.
    pub group: String,
    /// The plural, in lower case.
    pub resource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is particular to the objects it names.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestConfig {
    /// Which.
    pub resource_identifier: ResourceIdentifier,
    /// What of their status is told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feedback_rules: Vec<FeedbackRule>,
    /// When it is looked at.
    pub feedback_scrape_type: FeedbackScrapeType,
    /// How they are applied; none is [`UpdateStrategyType::Update`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<UpdateStrategy>,
    /// Conditions made of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub condition_rules: Vec<ConditionRule>,
}

/// What of an object's status is told.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FeedbackRule {
    /// By a table, or by paths.
    #[serde(rename = "type")]
    pub type_: FeedbackType,
    /// For [`FeedbackType::JsonPaths`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_paths: Vec<JsonPath>,
}

/// Where a value of feedback is found.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum FeedbackType {
    /// By the kind's row in a table.
    #[default]
    WellKnownStatus,
    /// By paths of one's own.
    #[serde(rename = "JSONPaths")]
    JsonPaths,
}

/// When status is looked at.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum FeedbackScrapeType {
    /// From time to time.
    #[default]
    Poll,
    /// When it changes.
    Watch,
}

/// A value that is told.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JsonPath {
    /// What it is told as.
    pub name: String,
    /// The version of the kind that the path is for; empty is any.
    pub version: String,
    /// As kubectl has them, without braces.
    pub path: String,
}

/// How objects are applied.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// Which way.
    #[serde(rename = "type")]
    pub type_: UpdateStrategyType,
    /// For [`UpdateStrategyType::ServerSideApply`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApply>,
}

/// How an object is applied.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum UpdateStrategyType {
    /// Merged into what is there, and kept so.
    #[default]
    Update,
    /// Made when it is not there, and left alone.
    CreateOnly,
    /// By the API server's own algorithm.
    ServerSideApply,
    /// Never written; it is looked at.
    ReadOnly,
}

/// How an object is applied by the server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerSideApply {
    /// Fields of other managers are taken over.
    pub force: bool,
    /// Begins with `work-agent`, which is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_manager: Option<String>,
    /// What is left to others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_fields: Vec<IgnoreField>,
}

/// Fields left to others.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IgnoreField {
    /// When.
    pub condition: IgnoreFieldsCondition,
    /// RFC 6901.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// As kubectl has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_paths: Vec<String>,
    /// Of jq.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
}

/// When fields are left to others.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum IgnoreFieldsCondition {
    /// While the object is there.
    #[default]
    OnSpokePresent,
    /// When others have changed it.
    OnSpokeChange,
}

/// A condition made of an object.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConditionRule {
    /// Its type.
    pub condition: String,
    /// By a table, or by expressions.
    #[serde(rename = "type")]
    pub type_: ConditionRuleType,
    /// All must be true, of `object`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cel_expressions: Vec<String>,
    /// Where there is no expression for it.
    pub message: String,
    /// A text of `object` and `result`.
    pub message_expression: String,
}

/// How a condition is made.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum ConditionRuleType {
    /// By the kind's row in a table.
    #[default]
    WellKnownConditions,
    /// By expressions.
    #[serde(rename = "CEL")]
    Cel,
}

/// On whose behalf a work is applied.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Executor {
    /// Who.
    pub subject: ExecutorSubject,
}

/// On whose behalf a work is applied.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecutorSubject {
    /// `ServiceAccount`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Of the managed cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccountReference>,
}

/// A service account of the managed cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceAccountReference {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What became of a work.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestWorkStatus {
    /// `Applied`, `Available` and those that rules make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Object by object.
    pub resource_status: ResourceStatus,
}

/// What became of a work's objects.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceStatus {
    /// One for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestCondition>,
}

/// What became of an object.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestCondition {
    /// Which.
    pub resource_meta: ResourceMeta,
    /// What is told of its status.
    pub status_feedback: StatusFeedback,
    /// `Applied`, `Available`, `StatusFeedbackSynced` and those that rules make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Which object of a work.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceMeta {
    /// Its place among the manifests, from 0.
    pub ordinal: i32,
    /// Empty for the core group.
    pub group: String,
    /// Of its group.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// The plural, empty while the kind is not known.
    pub resource: String,
    /// Its name.
    pub name: String,
    /// Empty for what has none.
    pub namespace: String,
}

/// What is told of an object's status.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatusFeedback {
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<FeedbackValue>,
}

/// A value that is told.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FeedbackValue {
    /// Of the path, or by the table.
    pub name: String,
    /// The value.
    #[serde(rename = "fieldValue")]
    pub field_value: FieldValue,
}

/// A value by its type; one field of the four is set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FieldValue {
    /// Which field.
    #[serde(rename = "type")]
    pub type_: ValueType,
    /// For [`ValueType::Integer`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<i64>,
    /// For [`ValueType::String`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// For [`ValueType::Boolean`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boolean: Option<bool>,
    /// For [`ValueType::JsonRaw`]; at most 1,024 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_raw: Option<String>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum ValueType {
    /// A whole number.
    Integer,
    /// A text.
    #[default]
    String,
    /// True or false.
    Boolean,
    /// Any JSON.
    JsonRaw,
}

/// A work that was applied in this cluster.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "work.open-cluster-management.io",
    version = "v1",
    kind = "AppliedManifestWork",
    plural = "appliedmanifestworks",
    schema = "disabled",
    status = "AppliedManifestWorkStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct AppliedManifestWorkSpec {
    /// Of the hub.
    pub hub_hash: String,
    /// Of the agent that applies it.
    #[serde(rename = "agentID")]
    pub agent_id: String,
    /// The work.
    pub manifest_work_name: String,
}

/// What was applied.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AppliedManifestWorkStatus {
    /// Sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applied_resources: Vec<AppliedResource>,
    /// Since then the work has been missing on the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_start_time: Option<Time>,
}

/// An object that a work made.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AppliedResource {
    /// Empty for the core group.
    pub group: String,
    /// Of its group.
    pub version: String,
    /// The plural.
    pub resource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Of the object that was made; none other is deleted.
    pub uid: String,
}

/// A work for each cluster that placements choose.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "work.open-cluster-management.io",
    version = "v1alpha1",
    kind = "ManifestWorkReplicaSet",
    plural = "manifestworkreplicasets",
    namespaced,
    schema = "disabled",
    status = "ManifestWorkReplicaSetStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestWorkReplicaSetSpec {
    /// The work.
    pub manifest_work_template: ManifestWorkSpec,
    /// The placements, of the same namespace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placement_refs: Vec<PlacementRef>,
    /// When it is gone itself.
    pub cascade_deletion_policy: CascadeDeletionPolicy,
}

/// When a deleted ManifestWorkReplicaSet is gone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum CascadeDeletionPolicy {
    /// Before its works are.
    #[default]
    Background,
    /// After them.
    Foreground,
}

/// A placement, and how its clusters come to a change.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PlacementRef {
    /// Of the same namespace.
    pub name: String,
    /// One after another, or all at once.
    pub rollout_strategy: RolloutStrategy,
}

/// How clusters come to a change.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutStrategy {
    /// Which way.
    #[serde(rename = "type")]
    pub type_: RolloutType,
    /// For [`RolloutType::All`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<RolloutLimits>,
    /// For [`RolloutType::Progressive`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progressive: Option<RolloutLimits>,
    /// For [`RolloutType::ProgressivePerGroup`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progressive_per_group: Option<RolloutLimits>,
}

/// How clusters come to a change.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum RolloutType {
    /// All at once.
    #[default]
    All,
    /// A number at a time.
    Progressive,
    /// A group of decisions at a time.
    ProgressivePerGroup,
}

/// Times and numbers of a rollout; which of them count is the type's matter.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutLimits {
    /// So long a cluster must have succeeded before the next one's turn: `30s`, `5m`, `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_success_time: Option<String>,
    /// After that a cluster is given up; `None` is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline: Option<String>,
    /// With more than so many no other cluster begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<IntOrString>,
    /// These come first and may not fail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mandatory_decision_groups: Vec<MandatoryDecisionGroup>,
    /// So many at a time; none is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<IntOrString>,
}

/// A group of decisions, by name or by index.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MandatoryDecisionGroup {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// The index, where there is no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_index: Option<i32>,
}

/// How far a replica set is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestWorkReplicaSetStatus {
    /// `PlacementVerified`, `PlacementRolledOut`, `ManifestworkApplied`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Over all placements.
    pub summary: WorkSummary,
    /// By placement.
    #[serde(rename = "placementSummary", skip_serializing_if = "Vec::is_empty")]
    pub placement_summary: Vec<PlacementSummary>,
}

/// Works, counted.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkSummary {
    /// All.
    #[serde(rename = "total")]
    pub total: i32,
    /// With `Available`.
    pub available: i32,
    /// With `Progressing`.
    pub progressing: i32,
    /// With `Degraded`.
    pub degraded: i32,
    /// With `Applied`.
    pub applied: i32,
    /// Those that there are to be: one for each chosen cluster.
    pub desired_total: i32,
    /// Those that have the template as it is now.
    pub updated: i32,
}

/// How far a placement's works are.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PlacementSummary {
    /// The placement.
    pub name: String,
    /// `G (x / y clusters applied)`.
    pub available_decision_groups: String,
    /// Its works.
    pub summary: WorkSummary,
}
