"""A small repository in the shape of Kubernetes: two commands, a vendored package, refs of all kinds."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

GO_MOD = "module k8s.io/kubernetes\n\ngo 1.22\n\nrequire k8s.io/component-base v0.0.0\n"
MODULES = "# k8s.io/component-base v0.0.0\n## explicit; go 1.22\nk8s.io/component-base/version\n"
VERSION = (
    'package version\n\nvar gitVersion, gitCommit, gitMajor, gitMinor = "v0.0.0-master+$Format", "", "", ""\n'
)
GETTER = """package version

func Get() string { return gitVersion + " " + gitCommit + " " + gitMajor + "." + gitMinor }
"""
MAIN = """package main

import (
\t"fmt"

\t"k8s.io/component-base/version"
)

func main() { fmt.Println("%s", version.Get()) }
"""
BROKEN = 'package main\n\nfunc main() {\n\tvar unused int\n\tundefinedCall("x")\n}\n'
ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "t"), ("EMAIL", "t@example.org"), ("DATE", "2026-01-02T03:04:05Z"))
    },
}


@dataclass(frozen=True)
class Repository:
    """Where it is, and its commits by name: v1.36.1, fix, pull, broken."""

    path: Path
    commits: dict[str, str]

    def git(self, *arguments: str) -> str:
        return git(self.path, *arguments)

    def commit(self, name: str, files: dict[str, str]) -> str:
        return commit(self.path, name, files)


def git(path: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=path, env=ENV, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(path: Path, name: str, files: dict[str, str]) -> str:
    for file, text in files.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_text(text)
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", name)
    return git(path, "rev-parse", "HEAD")


def make_repository(path: Path) -> Repository:
    """Branches main, fix, broken, old (of GOPATH), shim (modules); tag v1.36.1; refs/pull/7/head."""
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    version = "vendor/k8s.io/component-base/version"
    commits = {
        "v1.36.1": commit(
            path,
            "first",
            {
                "go.mod": GO_MOD,
                "vendor/modules.txt": MODULES,
                f"{version}/base.go": VERSION,
                f"{version}/version.go": GETTER,
                "cmd/kubelet/main.go": MAIN % "Kubernetes",
                "cmd/kube-proxy/main.go": MAIN % "Proxy",
                ".gitattributes": "*.go filter=evil diff=evil\n",
            },
        )
    }
    git(path, "tag", "-a", "v1.36.1", "-m", "v1.36.1")
    git(path, "checkout", "-q", "-b", "fix")
    commits["fix"] = commit(path, "fix", {"cmd/kubelet/main.go": MAIN % "Patched"})
    git(path, "checkout", "-q", "-b", "pull", "main")
    commits["pull"] = commit(path, "pull", {"cmd/kubelet/main.go": MAIN % "Pulled"})
    git(path, "update-ref", "refs/pull/7/head", commits["pull"])
    git(path, "checkout", "-q", "-b", "broken", "main")
    commits["broken"] = commit(path, "broken", {"cmd/kubelet/main.go": BROKEN})
    git(path, "checkout", "-q", "-b", "old", "main")
    commits["old"] = commit(path, "old", {"go.mod": GO_MOD.replace("1.22", "1.15")})
    git(path, "checkout", "-q", "-b", "shim", "main")
    git(path, "rm", "-r", "-q", "vendor", "cmd")
    shim = "package main\n\nvar version string\n\nfunc main() { println(version) }\n"
    commits["shim"] = commit(
        path, "shim", {"go.mod": "module example.org/shim\n\ngo 1.22\n", "cmd/shim/main.go": shim}
    )
    git(path, "checkout", "-q", "main")
    git(path, "branch", "-q", "-D", "pull")
    return Repository(path, commits)
