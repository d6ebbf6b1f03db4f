//! Whatever is sent is answered or refused.

use proptest::prelude::*;

use super::*;

/// JSON with the fields that the reviews read, and anything in them.
fn any_review() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z=,.\"\u{0}\u{e000} ]{0,6}".prop_map(Value::from),
    ];
    let fields = prop::sample::select(vec![
        "apiVersion",
        "audiences",
        "boundObjectRef",
        "expirationSeconds",
        "extra",
        "fieldSelector",
        "groups",
        "key",
        "kind",
        "labelSelector",
        "metadata",
        "name",
        "namespace",
        "nonResourceAttributes",
        "operator",
        "rawSelector",
        "requirements",
        "resourceAttributes",
        "rules",
        "spec",
        "status",
        "token",
        "uid",
        "user",
        "values",
        "verb",
    ]);
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            3 => prop::collection::btree_map(fields.clone(), inner.clone(), 0..6)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn reviews_of_any_form_are_answered_or_refused(review in any_review()) {
        let rbac = rbac();
        let user = User::new("alice", []);
        let (tokens, objects) = hub();
        let _ = tokens.issue("a", "robot", review.clone(), &objects, now());
        let _ = tokens.issue("a", "robot", json!({"spec": review}), &objects, now());
        let authenticator = Authenticator::new(Arc::new(objects), Arc::new(tokens));
        for review in [review.clone(), json!({"metadata": review, "spec": review})] {
            let _ = subject_access(&rbac, review.clone());
            let _ = local_subject_access(&rbac, review.clone(), "a");
            let _ = self_subject_access(&rbac, review.clone(), &user);
            let _ = self_subject_rules(&rbac, &review, &user);
            let _ = self_subject(&review, &user, now());
            let _ = token(&authenticator, review, now());
        }
    }

    #[test]
    fn tokens_of_any_form_are_refused(
        token in prop_oneof![
            "[A-Za-z0-9_.=-]{0,40}",
            ("[ -~]{0,30}", "[ -~]{0,30}").prop_map(|(header, claims)| {
                use base64::Engine as _;
                let encode = |text| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
                format!("{}.{}.AAAA", encode(header), encode(format!("{{\"iss\":\"https://hub\",{claims}}}")))
            }),
        ],
    ) {
        let (tokens, objects) = hub();
        let found = tokens.user(&token, tokens.audiences(), &objects, now());
        prop_assert!(!matches!(found, Ok(Some(_))));
    }

    #[test]
    fn certificates_and_requests_of_any_form_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (tokens, objects) = hub();
        let authenticator = Authenticator::new(Arc::new(objects), Arc::new(tokens));
        let (mut request, ()) = http::Request::new(()).into_parts();
        request.extensions.insert(crate::authentication::ClientCertificate(bytes.clone().into()));
        prop_assert!(authenticator.authenticate(&mut request, now()).is_err());
        let pem = crate::pem::encode("CERTIFICATE REQUEST", &bytes);
        prop_assert!(crate::certificates::check_request(pem.as_bytes()).is_err());
        prop_assert!(crate::certificates::check_request(&bytes).is_err());
    }
}
