//! Commands that change things.

use tests::cluster::User;
use tests::kubectl::Call;
use tests::routes::Routes;

use crate::SITE;

const CONFIG_MAP: &str = r"
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  labels: {app: demo}
data:
  colour: red
";

const DEPLOYMENT: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      nodeName: kwok
      containers:
      - name: web
        image: none
";

#[test]
fn create_apply_and_diff_are_the_same() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "apply").await.unwrap();
        let blue = CONFIG_MAP.replace("red", "blue");
        routes
            .fine(&["create", "configmap", "plain", "--from-literal=a=b"])
            .await;
        assert_ne!(routes.same(&["create", "configmap", "plain"]).await.code, 0);

        routes.fine_with(CONFIG_MAP, &["apply", "-f", "-"]).await;
        routes.fine_with(CONFIG_MAP, &["apply", "-f", "-"]).await;
        let diff = routes
            .same_call(&Call::new(&["diff", "-f", "-"]).stdin(&blue))
            .await;
        assert_eq!(diff.code, 1, "{diff:?}");
        assert!(diff.stdout.contains("+  colour: blue"), "{diff:?}");
        routes.fine_with(&blue, &["apply", "-f", "-"]).await;
        assert_eq!(
            routes
                .same_call(&Call::new(&["diff", "-f", "-"]).stdin(&blue))
                .await
                .code,
            0
        );
        let stored = routes
            .fine(&["get", "configmap", "settings", "-o", "yaml"])
            .await;
        assert!(stored.contains("colour: blue"), "{stored}");
    });
}

#[test]
fn server_side_apply_and_its_conflicts_are_the_same() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "server-side")
            .await
            .unwrap();
        let blue = CONFIG_MAP.replace("red", "blue");
        let apply = ["apply", "--server-side", "-f", "-"];
        routes.fine_with(CONFIG_MAP, &apply).await;
        let other = [&apply[..], &["--field-manager=other"]].concat();
        let conflict = routes.same_call(&Call::new(&other).stdin(&blue)).await;
        assert!(
            conflict.code != 0 && conflict.stderr.contains("conflict"),
            "{conflict:?}"
        );
        let forced = [&other[..], &["--force-conflicts"]].concat();
        routes.fine_with(&blue, &forced).await;
        routes
            .fine(&[
                "get",
                "configmap",
                "settings",
                "-o",
                "yaml",
                "--show-managed-fields",
            ])
            .await;
    });
}

#[test]
fn dry_run_on_the_server_is_the_same_and_changes_nothing() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "dry-run").await.unwrap();
        let create = [
            "create",
            "configmap",
            "never",
            "--from-literal=a=b",
            "--dry-run=server",
        ];
        routes.fine(&[&create[..], &["-o", "yaml"]].concat()).await;
        routes
            .fine_with(CONFIG_MAP, &["apply", "--dry-run=server", "-f", "-"])
            .await;
        assert_ne!(
            routes
                .same(&["get", "configmap", "never", "settings"])
                .await
                .code,
            0
        );
    });
}

#[test]
fn edit_and_every_type_of_patch_are_the_same() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "edit").await.unwrap();
        routes.fine_with(CONFIG_MAP, &["create", "-f", "-"]).await;
        let edit = Call::new(&["edit", "configmap", "settings"]);
        routes
            .fine_call(&edit.env("KUBE_EDITOR", "sed -i s/red/green/"))
            .await;

        for (kind, patch) in [
            ("strategic", r#"{"data":{"shape":"round"}}"#),
            ("merge", r#"{"data":{"shape":null,"size":"large"}}"#),
            (
                "json",
                r#"[{"op":"replace","path":"/data/size","value":"small"}]"#,
            ),
        ] {
            routes
                .fine(&[
                    "patch",
                    "configmap",
                    "settings",
                    "--type",
                    kind,
                    "--patch",
                    patch,
                ])
                .await;
        }
        let failing = r#"[{"op":"test","path":"/data/size","value":"huge"}]"#;
        let patch = [
            "patch",
            "configmap",
            "settings",
            "--type=json",
            "--patch",
            failing,
        ];
        assert_ne!(routes.same(&patch).await.code, 0);
        let data = routes
            .fine(&["get", "configmap", "settings", "-o", "jsonpath={.data}"])
            .await;
        assert_eq!(data, r#"{"colour":"green","size":"small"}"#);
    });
}

#[test]
fn waiting_for_a_rollout_and_for_a_deletion_is_the_same() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "wait").await.unwrap();
        routes.fine_with(DEPLOYMENT, &["create", "-f", "-"]).await;
        let available = [
            "wait",
            "--for=condition=Available",
            "deployment/web",
            "--timeout=60s",
        ];
        routes.fine(&available).await;
        let never = [
            "wait",
            "--for=condition=Never",
            "deployment/web",
            "--timeout=5s",
        ];
        assert_ne!(routes.same(&never).await.code, 0);
        routes
            .fine(&["scale", "deployment", "web", "--replicas=1"])
            .await;
        routes
            .fine(&["delete", "deployment", "web", "--wait", "--timeout=60s"])
            .await;
        routes
            .fine(&[
                "wait",
                "--for=delete",
                "pod",
                "-l",
                "app=web",
                "--timeout=60s",
            ])
            .await;
    });
}
