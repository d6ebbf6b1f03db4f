use gateway::{Access, AccessRequest, Decision, PolicyFile, User};
use http::Method;

/// Policy files.
///
/// Whatever a file says, the masters may reach every cluster, and a stranger
/// whom it does not name none that it does not give to everyone.
pub fn gateway_policy(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(policy) = PolicyFile::parse(text) else {
        return;
    };
    let stranger = User {
        name: "stranger-4f1c9a".to_owned(),
        groups: Vec::new(),
    };
    let master = User {
        groups: vec!["system:masters".to_owned()],
        ..stranger.clone()
    };
    assert_eq!(decide(&policy, &master), Decision::Allow);
    assert_eq!(decide(&policy, &stranger), Decision::Deny);
}

fn decide(policy: &PolicyFile, user: &User) -> Decision {
    policy.allows(&AccessRequest {
        user,
        cluster: &"edge-7".parse().expect("it is a name"),
        method: &Method::GET,
        segments: &[],
    })
}
