"""A small WinRM service of the tests' own: shells and commands over TLS, without authentication."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.cluster.api_server import make_certificate, served

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
DONE = f"{SHELL}/CommandState/Done"
ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:rsp="' + SHELL + '" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>'
    "<a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
)


@dataclass
class WinRm:
    """What was asked of it; `answer` gives what PowerShell would print, and the exit code."""

    answer: Callable[[str], tuple[str, int]]
    port: int = 0
    refuses: bool = False
    scripts: list[str] = field(default_factory=list)
    open_shells: int = 0


class Handler(BaseHTTPRequestHandler):
    service: WinRm
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = re.search(r"<[a-z]*:?Action[^>]*>([^<]+)<", text)
        if self.service.refuses:
            self.say(401, "")
            return
        name = action[1].rpartition("/")[2] if action else ""
        relates = re.search(r"MessageID[^>]*>([^<]+)<", text)
        body = getattr(self, f"on_{name.lower()}")(text)
        self.say(200, ENVELOPE.format(relates=relates[1] if relates else "", body=body))

    def say(self, code: int, text: str) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def on_create(self, text: str) -> str:
        self.service.open_shells += 1
        shell = "<rsp:Shell><rsp:ShellId>shell-1</rsp:ShellId></rsp:Shell>"
        return f"{shell}<w:Selector Name='ShellId'>shell-1</w:Selector>"

    def on_command(self, text: str) -> str:
        arguments = re.search(r"Arguments>([^<]+)<", text)
        last = arguments[1].split()[-1] if arguments else "-"
        if last != "-":  # a dash: the script comes over standard input
            self.service.scripts.append(base64.b64decode(last).decode("utf-16-le"))
        return "<rsp:CommandResponse><rsp:CommandId>command-1</rsp:CommandId></rsp:CommandResponse>"

    def on_send(self, text: str) -> str:
        stream = re.search(r"Stream[^>]*>([^<]+)<", text)
        self.service.scripts.append(base64.b64decode(stream[1]).decode() if stream else "")
        return "<rsp:SendResponse/>"

    def on_receive(self, text: str) -> str:
        said, code = self.service.answer(self.service.scripts[-1])
        data = base64.b64encode(said.encode()).decode()
        return (
            f'<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="command-1">{data}</rsp:Stream>'
            f'<rsp:CommandState CommandId="command-1" State="{DONE}"><rsp:ExitCode>{code}</rsp:ExitCode>'
            "</rsp:CommandState></rsp:ReceiveResponse>"
        )

    def on_signal(self, text: str) -> str:
        return "<rsp:SignalResponse/>"

    def on_delete(self, text: str) -> str:
        self.service.open_shells -= 1
        return ""


@contextmanager
def winrm_server(folder: Path, answer: Callable[[str], tuple[str, int]]) -> Iterator[WinRm]:
    """Serve on loopback until the block ends."""
    service = WinRm(answer)
    handler = type("Bound", (Handler,), {"service": service})
    with served(handler, *make_certificate(folder, 1)) as service.port:
        yield service
