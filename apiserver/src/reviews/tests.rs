use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::authentication::Authenticator;
use crate::authorization::{Rbac, bootstrap_policy};
use crate::tokens::tests::{hub, now};

mod hostile;

fn rbac() -> Rbac {
    let rbac = Rbac::default();
    for object in bootstrap_policy() {
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let resource = api::GroupResource {
            group: "rbac.authorization.k8s.io".into(),
            resource: format!("{kind}s").into(),
        };
        rbac.put(&resource, &object);
    }
    rbac
}

fn refused(answer: Result<Value, Status>) -> String {
    answer.unwrap_err().message().to_owned()
}

#[test]
fn a_review_of_access_says_whether_and_why() {
    let rbac = rbac();
    let status =
        |spec: Value| subject_access(&rbac, json!({"spec": spec})).unwrap()["status"].clone();
    let pods = json!({"verb": "get", "resource": "pods", "namespace": "x"});
    assert_eq!(
        status(json!({"user": "a", "resourceAttributes": pods})),
        json!({"allowed": false})
    );
    assert_eq!(
        status(json!({"user": "a", "groups": ["system:masters"], "resourceAttributes": pods})),
        json!({"allowed": true})
    );
    assert_eq!(
        status(
            json!({"user": "a", "groups": ["system:authenticated"], "nonResourceAttributes": {"verb": "get", "path": "/api"}})
        ),
        json!({
            "allowed": true,
            "reason": r#"RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated""#,
        })
    );
    let unread = json!({"verb": "list", "labelSelector": {"rawSelector": "a in"}, "fieldSelector": {"requirements": [{"key": "a", "operator": "Foo"}, {"key": "a", "operator": "In", "values": ["b"]}]}});
    assert_eq!(
        status(json!({"user": "a", "resourceAttributes": unread})),
        json!({
            "allowed": false,
            "evaluationError": "spec.resourceAttributes.fieldSelector partially ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error",
        })
    );
}

#[test]
fn a_bad_review_of_access_is_refused_in_the_real_servers_words() {
    let rbac = rbac();
    let ask = |review: Value| refused(subject_access(&rbac, review));
    assert_eq!(
        ask(json!({"spec": {}})),
        r#".authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]"#
    );
    assert_eq!(
        ask(json!({
            "metadata": {"namespace": "y", "name": "x", "managedFields": []},
            "spec": {"user": "a", "resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"verb": "get", "path": "/api"}},
        })),
        r#".authorization.k8s.io "" is invalid: [spec.nonResourceAttributes: Invalid value: {"Path":"/api","Verb":"get"}: cannot be specified in combination with resourceAttributes, metadata: Invalid value: {"name":"x","namespace":"y","managedFields":[]}: must be empty]"#
    );
    assert_eq!(
        ask(json!({"spec": {"user": "a", "resourceAttributes": {
            "labelSelector": {},
            "fieldSelector": {"rawSelector": "a", "requirements": [{"key": "", "operator": "In"}, {"key": "a", "operator": "Exists", "values": ["a"]}]},
        }}})),
        ".authorization.k8s.io \"\" is invalid: [spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: \"a\": may not specified at the same time as requirements, spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn', spec.resourceAttributes.fieldSelector.requirements[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist', spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required]"
    );
    let labels = json!([{"key": "", "operator": "In"}, {"key": "a", "operator": "NotIn", "values": ["_"]}, {"key": "a", "operator": "Foo"}]);
    let errors = ask(
        json!({"spec": {"user": "a", "resourceAttributes": {"labelSelector": {"requirements": labels}}}}),
    );
    for part in [
        "requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn', spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value: \"\": name part must be non-empty",
        "requirements[1].values[0]: Invalid value: \"_\": a valid label must be an empty string or consist of",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
}

#[test]
fn a_local_review_is_about_its_namespace() {
    let rbac = rbac();
    let ask = |metadata: Value, spec: Value| {
        local_subject_access(&rbac, json!({"metadata": metadata, "spec": spec}), "x")
    };
    let about =
        |namespace: &str| json!({"user": "a", "resourceAttributes": {"namespace": namespace}});
    let own = json!({"namespace": "x"});
    assert_eq!(
        ask(own.clone(), about("x")).unwrap()["status"],
        json!({"allowed": false})
    );
    assert_eq!(
        refused(ask(own, about(""))),
        r#".authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "": must match metadata.namespace"#
    );
    assert_eq!(
        refused(ask(json!({"namespace": "y"}), about("y"))),
        "spec.resourceAttributes.namespace must match namespace: x"
    );
    assert_eq!(
        refused(ask(
            json!({"namespace": "x", "name": "y"}),
            json!({"user": "a", "nonResourceAttributes": {"verb": "get", "path": "/"}})
        )),
        r#".authorization.k8s.io "" is invalid: [metadata: Invalid value: {"name":"y","namespace":"x"}: must be empty except for namespace, spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":"get"}: disallowed on this kind of request]"#
    );
}

#[test]
fn reviews_of_oneself_tell_who_asks_and_what_he_may() {
    let rbac = rbac();
    let alice = User::new("alice", ["dev".to_owned()]);
    let may = json!({"spec": {"resourceAttributes": {"verb": "create", "group": AUTHORIZATION, "resource": "selfsubjectaccessreviews"}}});
    let answer = self_subject_access(&rbac, may, &alice).unwrap();
    assert_eq!(answer["status"]["allowed"], true);
    assert_eq!(
        refused(self_subject_access(&rbac, json!({}), &alice)),
        r#".authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"#
    );
    let answer = self_subject_rules(&rbac, &json!({"spec": {"namespace": "x"}}), &alice).unwrap();
    assert_eq!(
        answer["status"]["resourceRules"],
        json!([
            {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
            {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
        ])
    );
    assert_eq!(
        answer["status"]["nonResourceRules"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(answer["status"]["incomplete"], false);
    assert_eq!(
        refused(self_subject_rules(&rbac, &json!({}), &alice)),
        "no namespace on request"
    );
    let answer = self_subject(&json!({"kind": "SelfSubjectReview"}), &alice, now());
    assert_eq!(
        answer["metadata"],
        json!({"creationTimestamp": "2027-01-15T08:00:00Z"})
    );
    assert_eq!(
        answer["status"]["userInfo"],
        json!({"username": "alice", "groups": ["dev", "system:authenticated"]})
    );
}

#[test]
fn a_review_of_a_token_says_whose_it_is() {
    let (tokens, objects) = hub();
    let issued = tokens
        .issue("a", "robot", json!({}), &objects, now())
        .unwrap()
        .object;
    let good = issued["status"]["token"].as_str().unwrap();
    let authenticator = Authenticator::new(Arc::new(objects), Arc::new(tokens));
    let review = |spec: Value| token(&authenticator, json!({"spec": spec}), now());
    let status = review(json!({"token": good})).unwrap()["status"].clone();
    assert_eq!(status["authenticated"], true);
    assert_eq!(status["user"]["username"], "system:serviceaccount:a:robot");
    assert_eq!(status["audiences"], json!(["https://hub"]));
    assert_eq!(
        review(json!({"token": good, "audiences": ["a"]})).unwrap()["status"],
        json!({"user": {}, "error": "[invalid bearer token, token audiences [\"https://hub\"] is invalid for the target audiences [\"a\"]]"})
    );
    assert_eq!(
        review(json!({"token": "nonsense"})).unwrap()["status"],
        json!({"user": {}, "error": "invalid bearer token"})
    );
    assert_eq!(
        refused(review(json!({}))),
        "token is required for TokenReview in authentication"
    );
}

#[tokio::test]
async fn all_kinds_that_are_answered_have_their_answer() {
    use crate::{Answers, Question};

    let (tokens, objects) = hub();
    let (tokens, objects) = (Arc::new(tokens), Arc::new(objects));
    let reviewer = Reviewer {
        authorizer: Arc::new(rbac()),
        authenticator: Authenticator::new(Arc::clone(&objects) as _, Arc::clone(&tokens)),
        service_accounts: tokens,
        objects,
    };
    let answers = reviewer.answers(Answers::default());
    let user = User::new("alice", []);
    let access = json!({"user": "a", "resourceAttributes": {"namespace": "a"}});
    for (group, resource, subresource, object, field) in [
        (
            AUTHORIZATION,
            "subjectaccessreviews",
            "",
            json!({"spec": access}),
            "allowed",
        ),
        (
            AUTHORIZATION,
            "selfsubjectaccessreviews",
            "",
            json!({"spec": access}),
            "allowed",
        ),
        (
            AUTHORIZATION,
            "localsubjectaccessreviews",
            "",
            json!({"metadata": {"namespace": "a"}, "spec": access}),
            "allowed",
        ),
        (
            AUTHORIZATION,
            "selfsubjectrulesreviews",
            "",
            json!({"spec": {"namespace": "a"}}),
            "incomplete",
        ),
        (
            "authentication.k8s.io",
            "selfsubjectreviews",
            "",
            json!({}),
            "userInfo",
        ),
        (
            "authentication.k8s.io",
            "tokenreviews",
            "",
            json!({"spec": {"token": "x"}}),
            "error",
        ),
        ("", "serviceaccounts", "token", json!({}), "token"),
    ] {
        let resource = api::GroupResource {
            group: group.into(),
            resource: resource.into(),
        };
        let question = Question {
            user: &user,
            namespace: "a",
            name: "robot",
            object,
        };
        let answer = answers.get(&resource, subresource).unwrap();
        let answer = answer.answer(question).await.unwrap().object;
        assert!(
            answer["status"].get(field).is_some(),
            "{resource}: {answer}"
        );
    }
}
