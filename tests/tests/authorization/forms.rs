//! Reviews of all forms, good and bad.

use apiserver::{Status, User, reviews};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::generate::Generator;
use crate::{PLACE, filled, post};

/// A review with some of what it may have, fit or not.
fn review(generator: &mut Generator) -> Value {
    let mut spec = json!({});
    if generator.chance(0.8) {
        spec["user"] = generator.one(&["u1", "", "system:anonymous"]).into();
    }
    if generator.chance(0.3) {
        spec["groups"] = json!([generator.one(&["g1", "system:authenticated"])]);
    }
    if generator.chance(0.3) {
        let path = generator.one(&["/healthz", "", "/\"x\""]);
        spec["nonResourceAttributes"] = json!({"verb": "get", "path": path});
    }
    if generator.chance(0.8) {
        let mut of = json!({"verb": generator.one(&["get", "list", ""])});
        of["namespace"] = generator.one(&["left", "right", ""]).into();
        for field in ["fieldSelector", "labelSelector"] {
            if generator.chance(0.5) {
                of[field] = selector(generator);
            }
        }
        spec["resourceAttributes"] = of;
    }
    json!({"spec": spec})
}

fn selector(generator: &mut Generator) -> Value {
    let mut selector = json!({});
    if generator.chance(0.3) {
        let raw = ["a=b", "a in", "a!=b,", "=", "a in (b,c)", "a\\=b"];
        selector["rawSelector"] = generator.one(&raw).into();
    }
    if generator.chance(0.8) {
        let count = generator.0.random_range(0..3);
        let requirement = |_| {
            let operators = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", ""];
            let mut of = json!({"operator": generator.one(&operators)});
            of["key"] = generator.one(&["a", "", "a.b/c", "A_/", "-"]).into();
            if generator.chance(0.5) {
                of["values"] = json!([generator.one(&["x", "", "_x"])]);
            }
            of
        };
        selector["requirements"] = (0..count).map(requirement).collect();
    }
    selector
}

#[test]
fn reviews_of_all_forms_are_answered_or_refused_as_by_the_real_server() {
    PLACE.test(async |place| {
        let (client, rbac) = filled(place).await;
        let mut generator = Generator::seeded();
        let admin = User::new("adit:admin", [User::MASTERS.to_owned()]);
        let root = "/apis/authorization.k8s.io/v1";
        for _ in 0..400 {
            let review = review(&mut generator);
            let mut local = review.clone();
            local["metadata"] = json!({"namespace": "left"});
            let own = |answer: Result<Value, Status>| {
                let told = |status: Status| (status.code().as_u16(), status.message().to_owned());
                answer.map(|answer| answer["status"].clone()).map_err(told)
            };
            for (path, object, ours) in [
                (
                    "subjectaccessreviews",
                    &review,
                    own(reviews::subject_access(rbac, review.clone())),
                ),
                (
                    "selfsubjectaccessreviews",
                    &review,
                    own(reviews::self_subject_access(rbac, review.clone(), &admin)),
                ),
                (
                    "namespaces/left/localsubjectaccessreviews",
                    &local,
                    own(reviews::local_subject_access(rbac, local.clone(), "left")),
                ),
            ] {
                let theirs = post(&client, &format!("{root}/{path}"), object, &[]).await;
                let theirs = theirs.map(|answer| answer["status"].clone());
                // Of several bindings that allow, either may be told.
                let told = |mut answer: Result<Value, (u16, String)>| {
                    if let Ok(status) = &mut answer
                        && status["allowed"] == true
                        && let Some(status) = status.as_object_mut()
                    {
                        status.remove("reason");
                    }
                    answer
                };
                assert_eq!(told(ours), told(theirs), "{path}: {object}");
            }
        }
    });
}
