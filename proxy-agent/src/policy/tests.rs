use super::*;

fn policy(rules: &[&str]) -> TargetPolicy {
    rules
        .iter()
        .try_fold(TargetPolicy::default(), |policy, rule| policy.allow(rule))
        .unwrap()
}

fn socket(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Whether the policy lets `host` be dialled at `address`.
fn allows(policy: &TargetPolicy, host: &str, address: &str, port: u16) -> bool {
    policy.may_allow(host, port).is_ok() && policy.check(host, socket(address, port)).is_ok()
}

fn special(rules: &[&str], address: &str) -> Special {
    match policy(rules).check(address, socket(address, 80)) {
        Err(Forbidden::Special { why, .. }) => why,
        other => panic!("{address}: {other:?}"),
    }
}

#[test]
fn by_default_nothing_may_be_dialled() {
    let policy = TargetPolicy::default();
    assert!(!allows(&policy, "192.0.2.1", "192.0.2.1", 443));
    assert!(!allows(&policy, "db.example.org", "192.0.2.1", 443));
}

#[test]
fn a_network_allows_its_addresses_and_the_names_that_resolve_to_them() {
    let policy = policy(&["10.1.2.3/8:443", "[2001:db8::]/32:*"]);
    assert!(allows(&policy, "10.200.0.1", "10.200.0.1", 443));
    assert!(allows(&policy, "db.example.org", "10.0.0.1", 443));
    assert!(allows(&policy, "2001:db8::9", "2001:db8::9", 1));
    assert!(!allows(&policy, "10.200.0.1", "10.200.0.1", 80));
    assert!(!allows(&policy, "db.example.org", "11.0.0.1", 443));
    assert!(!allows(&policy, "2001:db9::9", "2001:db9::9", 443));
}

#[test]
fn a_name_allows_itself_in_any_spelling_and_nothing_else() {
    let policy = policy(&["DB.example.org:5432"]);
    assert!(allows(&policy, "db.EXAMPLE.org.", "192.0.2.1", 5432));
    assert!(!allows(&policy, "a.db.example.org", "192.0.2.1", 5432));
    assert!(!allows(&policy, "192.0.2.1", "192.0.2.1", 5432));
}

#[test]
fn a_star_stands_for_whole_labels() {
    let policy = policy(&["*.svc:80"]);
    assert!(allows(&policy, "web.shop.svc", "10.0.0.1", 80));
    for other in ["svc", ".svc", "websvc", "web.svc.evil.example"] {
        assert!(!allows(&policy, other, "10.0.0.1", 80), "{other}");
    }
}

#[test]
fn what_is_denied_is_refused_whatever_else_is_allowed() {
    let policy = policy(&["*:*", "10.9.0.1:80", "127.0.0.1:*"]);
    let denied = ["10.9.0.0/16:80", "*.internal:*", "127.0.0.1:22", "*:25"];
    let policy = denied
        .iter()
        .try_fold(policy, |policy, rule| policy.deny(rule))
        .unwrap();
    for (host, address, port) in [
        ("10.9.0.1", "10.9.0.1", 80),
        ("web.example.org", "10.9.0.1", 80),
        ("::ffff:10.9.0.1", "::ffff:10.9.0.1", 80),
        ("64:ff9b::a09:1", "64:ff9b::a09:1", 80),
        ("DB.Internal.", "192.0.2.1", 5432),
        ("localhost", "127.0.0.1", 22),
        ("mail.example.org", "192.0.2.1", 25),
    ] {
        assert!(!allows(&policy, host, address, port), "{host}:{port}");
    }
    for (host, address, port) in [
        ("10.9.0.1", "10.9.0.1", 443),
        ("10.8.0.1", "10.8.0.1", 80),
        ("internal", "192.0.2.1", 80),
        ("127.0.0.1", "127.0.0.1", 80),
    ] {
        assert!(allows(&policy, host, address, port), "{host}:{port}");
    }
}

#[test]
fn a_name_that_is_denied_is_not_even_resolved() {
    let policy = policy(&["*:*"]).deny("*.internal:*").unwrap();
    let forbidden = policy.may_allow("db.internal", 80).unwrap_err();
    assert!(matches!(forbidden, Forbidden::Denied { .. }), "{forbidden}");
}

#[test]
fn special_addresses_are_refused_whatever_the_rules_say() {
    let everything = ["*:*", "0.0.0.0/0:*", "[::]/0:*", "169.254.169.254:*"];
    for (address, why) in [
        ("169.254.169.254", Special::LinkLocal),
        ("169.254.0.1", Special::LinkLocal),
        ("fe80::1", Special::LinkLocal),
        ("febf::1", Special::LinkLocal),
        ("fd00:ec2::254", Special::Metadata),
        ("fd20:ce::254", Special::Metadata),
        ("100.100.100.200", Special::Metadata),
        ("168.63.129.16", Special::Metadata),
        ("0.0.0.0", Special::Unspecified),
        ("0.1.2.3", Special::Unspecified),
        ("::", Special::Unspecified),
        ("224.0.0.1", Special::Multicast),
        ("ff02::1", Special::Multicast),
        ("255.255.255.255", Special::Broadcast),
        ("127.0.0.1", Special::Loopback),
        ("127.255.0.1", Special::Loopback),
        ("::1", Special::Loopback),
    ] {
        assert_eq!(special(&everything, address), why, "{address}");
    }
}

#[test]
fn an_embedded_address_is_checked_too() {
    let everything = ["*:*", "127.0.0.0/8:*", "[::]/0:*"];
    for address in [
        // IPv4-compatible, IPv4-translated, NAT64
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        // NAT64's local-use prefix as /96, /64, /56 and /48
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:abcd::169.254.169.254",
        "64:ff9b:1:abcd:a9:fea9:fe00:0",
        "64:ff9b:1:aba9:fe:a9fe::",
        "64:ff9b:1:a9fe:a9:fe00::",
        // 6to4, Teredo's server and its client, ISATAP
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
        "2001:0:c000:201::5601:5601",
        "2001:db8::5efe:169.254.169.254",
    ] {
        assert_eq!(
            special(&everything, address),
            Special::LinkLocal,
            "{address}"
        );
    }
    assert_eq!(
        special(&everything, "::ffff:169.254.169.254"),
        Special::LinkLocal
    );
    for address in [
        "64:ff9b::127.0.0.1",
        "64:ff9b::",
        "64:ff9b:1::",
        "64:ff9b:1::7f00:1",
    ] {
        assert_eq!(
            special(&everything, address),
            Special::Unspecified,
            "{address}"
        );
    }
    for address in ["64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8", "2002:808:808::1"] {
        assert!(
            allows(&policy(&everything), address, address, 80),
            "{address}"
        );
    }
}

#[test]
fn a_mapped_address_is_dialled_as_the_ipv4_address_it_is() {
    let policy = policy(&["10.0.0.0/8:80"]);
    let mapped = socket("::ffff:10.0.0.1", 80);
    assert_eq!(
        policy.check("::ffff:10.0.0.1", mapped),
        Ok(socket("10.0.0.1", 80))
    );
    assert!(policy.may_allow("::ffff:10.0.0.1", 80).is_ok());
}

#[test]
fn loopback_needs_a_rule_that_names_it() {
    for rule in ["localhost:80", "127.0.0.1:80", "127.0.0.0/8:*"] {
        let policy = policy(&[rule]);
        assert!(allows(&policy, "localhost", "127.0.0.1", 80), "{rule}");
    }
    assert!(allows(&policy(&["[::1]:80"]), "::1", "::1", 80));
    for rule in [
        "*:80",
        "0.0.0.0/0:80",
        "126.0.0.0/7:80",
        "evil.example:80",
        "*.example:80",
    ] {
        let policy = policy(&[rule]);
        assert!(!allows(&policy, "evil.example", "127.0.0.1", 80), "{rule}");
    }
}

#[test]
fn what_is_no_rule_is_refused_by_its_part() {
    let host = |text: &str| TargetRuleError::Host(text.to_owned());
    for (rule, error) in [
        (
            "db.example.org",
            TargetRuleError::Port("db.example.org".to_owned()),
        ),
        ("db:0", TargetRuleError::Port("db:0".to_owned())),
        ("db:http", TargetRuleError::Port("db:http".to_owned())),
        (":80", host("")),
        ("10.0.0.0/33:80", host("10.0.0.0/33")),
        ("2001:db8::/32:80", host("2001:db8::/32")),
        ("*.10.0.0.1:80", host("*.10.0.0.1")),
        ("a.*.b:80", host("a.*.b")),
        ("*.:80", host("*.")),
        ("db/8:80", host("db/8")),
    ] {
        assert_eq!(
            TargetPolicy::default().allow(rule).unwrap_err(),
            error,
            "{rule}"
        );
    }
}
