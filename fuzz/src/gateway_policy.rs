use gateway::{Access, AccessRequest, Ask, Decision, PolicyFile, User};
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
    let target = "web.shop.svc:80".parse().expect("it is a target");
    let request = Ask::Request {
        method: &Method::GET,
        segments: &[],
    };
    for ask in [request, Ask::Connect(&target)] {
        assert_eq!(decide(&policy, &master, ask), Decision::Allow);
        assert_eq!(decide(&policy, &stranger, ask), Decision::Deny);
    }
}

fn decide(policy: &PolicyFile, user: &User, ask: Ask<'_>) -> Decision {
    policy.allows(&AccessRequest {
        user,
        cluster: &"edge-7".parse().expect("it is a name"),
        ask,
    })
}
