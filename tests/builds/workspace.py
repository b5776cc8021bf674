"""A repository in the shape of Kubernetes 1.36: go.work, modules below staging/, one vendor for all."""

from pathlib import Path

from tests.builds.repository import Repository, commit, git

STAGING = "staging/src/k8s.io"
VERSION = """package version

var (
\tgitMajor, gitMinor, gitCommit, gitTreeState string
\tgitVersion = "v0.0.0-master+$Format:%H$"
\tbuildDate  = "1970-01-01T00:00:00Z"
)

func Get() string {
\treturn gitVersion + " " + gitMajor + "." + gitMinor + " " + gitCommit + " " + gitTreeState + " " + buildDate
}
"""
KUBELET = """package main

import (
\t"fmt"

\t"example.org/dep"
\tclient "k8s.io/client-go/pkg/version"
\t"k8s.io/component-base/version"
)

func main() { fmt.Println("Kubernetes", version.Get(), "|", client.Get(), "|", dep.Text, tagged) }
"""
PROXY = 'package main\n\nimport "k8s.io/component-base/version"\n\nfunc main() { println(version.Get()) }\n'
RUNNER = "package main\n\nfunc main() {}\n"


def module(name: str, *requires: str) -> str:
    wanted = "".join(f"require {one}\n" for one in requires)
    return f"module {name}\n\ngo 1.26.0\n\ngodebug default=go1.26\n\n{wanted}"


FILES = {
    ".go-version": "1.26.5\n",
    "go.work": (
        "go 1.26.0\n\ngodebug default=go1.26\n\nuse (\n\t.\n"
        f"\t./{STAGING}/client-go\n\t./{STAGING}/component-base\n)\n"
    ),
    "go.mod": module(
        "k8s.io/kubernetes",
        "example.org/dep v1.0.0",
        "k8s.io/client-go v0.0.0",
        "k8s.io/component-base v0.0.0",
    ),
    "vendor/modules.txt": (
        "## workspace\n# example.org/dep v1.0.0\n## explicit; go 1.22\nexample.org/dep\n"
        "# k8s.io/client-go v0.0.0\n## explicit; go 1.26.0\n"
        "# k8s.io/component-base v0.0.0\n## explicit; go 1.26.0\n"
    ),
    "vendor/example.org/dep/dep.go": 'package dep\n\nconst Text = "vendored"\n',
    f"{STAGING}/component-base/go.mod": module("k8s.io/component-base"),
    f"{STAGING}/component-base/version/base.go": VERSION,
    f"{STAGING}/component-base/logs/kube-log-runner/main.go": RUNNER,
    f"{STAGING}/client-go/go.mod": module("k8s.io/client-go"),
    f"{STAGING}/client-go/pkg/version/base.go": VERSION,
    "cmd/kubelet/main.go": KUBELET,
    "cmd/kubelet/selinux.go": '//go:build selinux\n\npackage main\n\nconst tagged = "selinux"\n',
    "cmd/kubelet/plain.go": '//go:build !selinux\n\npackage main\n\nconst tagged = "plain"\n',
    "cmd/kube-proxy/main.go": PROXY,
}


def make_workspace(path: Path) -> Repository:
    """Tag v1.36.2; branches main (one commit further), alpha (below tag v1.37.0-alpha.1)."""
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    commits = {"v1.36.2": commit(path, "release", FILES)}
    git(path, "tag", "-a", "v1.36.2", "-m", "v1.36.2")
    commits["main"] = commit(path, "on", {"cmd/kubelet/main.go": KUBELET.replace("Kubernetes", "Patched")})
    git(path, "checkout", "-q", "-b", "alpha")
    commit(path, "next", {"README": "x"})
    git(path, "tag", "-a", "v1.37.0-alpha.1", "-m", "alpha")
    commits["alpha"] = commit(path, "after", {"README": "y"})
    git(path, "checkout", "-q", "main")
    return Repository(path, commits)
