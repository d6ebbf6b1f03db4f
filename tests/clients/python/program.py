"""Uses an API server as programs on Python's client do, over its crashes and the
loss of its history, and says on one line of JSON what it saw. It exits 1, with
the reason on stderr, where that is not what it should have seen.
"""

import argparse
import json
import sys
import threading
import time
import urllib.request

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

# How long any one thing is waited for, in seconds.
LIMIT = 60


def order(control: str, what: str) -> None:
    """Has the test kill the server; it is back when this returns."""
    urllib.request.urlopen(f"{control}/{what}", data=b"", timeout=LIMIT).read()


def until(what: str, done) -> None:
    end = time.monotonic() + LIMIT
    while not done():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {LIMIT} s")
        time.sleep(0.05)


def config_map(name: str, value: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}


class Follower(threading.Thread):
    """Keeps what a watch tells, going on where it was when it breaks, and
    listing anew where its history is gone."""

    def __init__(self, core: client.CoreV1Api, namespace: str):
        super().__init__(daemon=True)
        self.core, self.namespace = core, namespace
        self.known: dict[str, str] = {}
        self.wrong: list[str] = []
        self.lists = self.breaks = 0
        self.version = ""

    def run(self) -> None:
        while True:
            try:
                if not self.version:
                    self.list()
                self.follow()
            except ApiException as error:
                if error.status != 410:
                    self.wrong.append(f"the watch: {error}")
                    return
                self.version = ""
            except HTTPError:
                self.breaks += 1
                time.sleep(0.05)

    def list(self) -> None:
        listed = self.core.list_namespaced_config_map(self.namespace)
        self.known = {item.metadata.name: item.metadata.resource_version for item in listed.items}
        self.lists += 1
        self.version = listed.metadata.resource_version

    def follow(self) -> None:
        stream = watch.Watch().stream(
            self.core.list_namespaced_config_map, self.namespace, resource_version=self.version, allow_watch_bookmarks=True
        )
        for event in stream:
            meta = event["object"].metadata if event["type"] != "BOOKMARK" else None
            if meta is None:
                continue
            name, version = meta.name, meta.resource_version
            if int(version) <= int(self.version):
                self.wrong.append(f"{event['type']} {name} at {version} came behind {self.version}")
            if (event["type"] == "ADDED") == (name in self.known):
                self.wrong.append(f"{event['type']} {name}, which was known: {name in self.known}")
            if event["type"] == "DELETED":
                self.known.pop(name, None)
            else:
                self.known[name] = version
            self.version = version


def exercise(core: client.CoreV1Api, namespace: str) -> list[str]:
    """Each verb of the typed client; returns what was refused and how."""
    refused = []

    def refusal(do) -> None:
        try:
            do()
            sys.exit("something was not refused")
        except ApiException as error:
            refused.append(f"{error.status} {json.loads(error.body)['reason']}")

    made = core.create_namespaced_config_map(namespace, config_map("typed", "1"))
    refusal(lambda: core.create_namespaced_config_map(namespace, config_map("typed", "1")))
    patched = core.patch_namespaced_config_map("typed", namespace, {"data": {"value": "2"}})
    assert patched.data == {"value": "2"}, patched
    refusal(lambda: core.replace_namespaced_config_map("typed", namespace, made))
    patched.data["more"] = "3"
    core.replace_namespaced_config_map("typed", namespace, patched)
    listed = core.list_namespaced_config_map(namespace, field_selector="metadata.name=typed")
    assert [item.data for item in listed.items] == [{"value": "2", "more": "3"}], listed
    core.delete_namespaced_config_map("typed", namespace)
    refusal(lambda: core.read_namespaced_config_map("typed", namespace))
    return refused


def without_types(api: client.ApiClient, namespace: str) -> list[str]:
    """The same through discovery, with a Lease and a merge by apply."""
    untyped = dynamic.DynamicClient(api)
    leases = untyped.resources.get(api_version="coordination.k8s.io/v1", kind="Lease")
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "dynamic"}}
    leases.create(body=lease | {"spec": {"holderIdentity": "one"}}, namespace=namespace)
    applied = leases.server_side_apply(
        body=lease | {"spec": {"leaseTransitions": 3}}, namespace=namespace, name="dynamic", field_manager="python"
    )
    assert (applied.spec.holderIdentity, applied.spec.leaseTransitions) == ("one", 3), applied
    patch = {"spec": {"holderIdentity": "two"}}
    leases.patch(body=patch, namespace=namespace, name="dynamic", content_type="application/merge-patch+json")
    holders = [item.spec.holderIdentity for item in leases.get(namespace=namespace).items]
    leases.delete(name="dynamic", namespace=namespace)
    return holders


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("kubeconfig", "control", "namespace"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    api = config.new_client_from_config(arguments.kubeconfig)
    core = client.CoreV1Api(api)
    namespace = arguments.namespace
    core.create_namespace({"metadata": {"name": namespace}})
    refused, holders = exercise(core, namespace), without_types(api, namespace)

    for name in ("stays", "gone"):
        core.create_namespaced_config_map(namespace, config_map(name, "0"))
    follower = Follower(core, namespace)
    follower.start()
    until("the first list", lambda: follower.version)
    for number in range(40):
        core.create_namespaced_config_map(namespace, config_map(f"n{number}", "1"))
        core.patch_namespaced_config_map(f"n{number}", namespace, {"data": {"value": "2"}})
        if number % 3 == 0:
            core.delete_namespaced_config_map(f"n{number}", namespace)
        if number in (10, 20):
            order(arguments.control, "crash")
        if number == 30:
            order(arguments.control, "forget")
    listed = core.list_namespaced_config_map(namespace)
    there = {item.metadata.name: item.metadata.resource_version for item in listed.items}
    until("what there is", lambda: follower.wrong or follower.known == there)
    if follower.wrong:
        sys.exit("; ".join(follower.wrong))
    seen = {"refused": refused, "holders": holders, "lists": follower.lists, "breaks": follower.breaks, "names": sorted(there)}
    print(json.dumps(seen))


main()
