//! gRPC calls to a Service of a cluster: gRPC's own interoperability tests.

use serde_json::{Value, json};
use tests::command;
use tests::process::Process;
use tests::wait::{GENEROUS, once};

use crate::SPOKES;

const PORT: u16 = 50051;

#[test]
fn grpc_passes_its_own_tests_through_the_gateway() {
    SPOKES.test(async |site| {
        let spoke = &site.spokes[1];
        let program = site.needs.peers.join("adit-grpc");
        let mut serve = spoke.network.command(&program);
        serve.arg("-serve").arg(format!("{}:{PORT}", spoke.address));
        let server = Process::start("grpc-server", serve).unwrap();
        let serving = async || once(server.output().contains("serving"));
        server
            .until("a gRPC server", GENEROUS, serving)
            .await
            .unwrap();
        spoke.serve("calls", "grpc", &[PORT]).await.unwrap();

        let prefix = format!(
            "/clusters/{}/api/v1/namespaces/monitoring/services/calls:grpc/proxy-service",
            spoke.name
        );
        let mut call = site.network.hub(0).command(&program);
        call.args(["-target", &site.hub.address().to_string()])
            .args(["-prefix", &prefix])
            .arg("-ca")
            .arg(site.authority())
            .arg("-token")
            .arg(&site.token);
        let output = command::run(call, Vec::new(), 4 * GENEROUS)
            .await
            .unwrap()
            .ok();
        let report: Value = serde_json::from_str(&output).unwrap();
        let passed = json!([
            "empty_unary",
            "large_unary",
            "client_streaming",
            "server_streaming",
            "ping_pong",
            "empty_stream",
            "timeout_on_sleeping_server",
            "cancel_after_begin",
            "cancel_after_first_response",
            "custom_metadata",
            "status_code_and_message",
            "special_status_message",
        ]);
        assert_eq!(report["passed"], passed);
    });
}
