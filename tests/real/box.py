"""Build the small Debian box of the real-Vagrant tests.

A Debian root without a kernel of its own, booted directly (no boot loader) with the lab
host's cloud kernel and an initrd of one busybox and four modules: under QEMU's own
emulation every saved unpacking, probing and waiting counts. Built once for a recipe, kept
in a cache; needs root, mmdebstrap, e2fsprogs, qemu-img, cpio and the cloud kernel.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

PACKAGES = (
    "systemd-sysv",
    "openssh-server",
    "sudo",
    "iproute2",
    "udev",
    "netbase",
    "kmod",
    "procps",
    "busybox-static",
    "curl",
)
# For the initrd: what must be there before the root file system is.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng")
GUEST_MODULES = ("overlay", "br_netfilter", "failover", "af_packet", *BOOT_MODULES)
DISK = "768M"
# All that a lab needs nothing of; each costs seconds of emulated boot.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "getty.target",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-journal-flush.service",
    "systemd-machine-id-commit.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "serial-getty@ttyS0.service",
    "systemd-logind.service",
    "systemd-random-seed.service",
    *(f"modprobe@{name}.service" for name in ("configfs", "dm_mod", "drm", "efi_pstore", "fuse", "loop")),
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
)
# What udev must know: that a network card is there.
UDEV_RULES = (
    "50-udev-default.rules",
    "75-net-description.rules",
    "80-net-setup-link.rules",
    "99-systemd.rules",
)
FILES = {
    # The root is mounted as it shall be; an entry would make the boot wait for udev to find it.
    "etc/fstab": "",
    "etc/hostname": "labbox\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 labbox\n",
    # PAM's part of a sudo is two thirds of its 0.7 emulated seconds, and each of Vagrant's steps is a few.
    "etc/sudoers.d/vagrant": "vagrant ALL=(ALL) NOPASSWD: ALL\nDefaults:vagrant !syslog\n"
    "Defaults !pam_session, !pam_setcred, !pam_acct_mgmt\n",
    # Not by way of pam_systemd, which waits for a login service that is not there.
    "etc/pam.d/sudo": "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session")),
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\nUsePAM no\nGSSAPIAuthentication no\nPrintMotd no\n",
    # The management card only; Vagrant writes the lab card's own file.
    "etc/systemd/network/50-management.network": "[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n"
    "IPv6AcceptRA=no\nLinkLocalAddressing=no\nKeepConfiguration=dhcp-on-stop\n\n[DHCPv4]\nClientIdentifier=mac\nUseDNS=no\nSendRelease=no\n",
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=volatile\n",
    "etc/systemd/system.conf.d/lab.conf": "[Manager]\nDefaultTimeoutStopSec=10s\n",
}
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in $(/bin/busybox cat /modules.list); do /bin/busybox insmod "/$module"; done
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 300 ]; do /bin/busybox usleep 20000; tries=$((tries + 1)); done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""
VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  # Told, not found out by some forty commands over an emulated SSH.
  config.vm.guest = :debian
  config.vm.provider :libvirt do |libvirt|
    libvirt.kernel = File.join(__dir__, "vmlinuz")
    libvirt.initrd = File.join(__dir__, "initrd.img")
    libvirt.cmd_line = "root=/dev/vda rw console=ttyS0 quiet loglevel=3 net.ifnames=0 mitigations=off " \\
                       "audit=0 nokaslr tsc=reliable random.trust_cpu=on systemd.show_status=0"
    libvirt.graphics_type = "none"
    libvirt.video_type = "none"
    libvirt.random model: "random"
  end
end
"""


class BoxError(Exception):
    """The box cannot be built here; the text says what is missing."""


def find_kernel(boot: Path = Path("/boot")) -> Path:
    """Return the newest cloud kernel of this machine (package linux-image-cloud-amd64)."""
    kernels = sorted(
        boot.glob("vmlinuz-*-cloud-*"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)]
    )
    if not kernels:
        raise BoxError("There is no cloud kernel in /boot; install linux-image-cloud-amd64.")
    return kernels[-1]


def recipe_digest(kernel: Path) -> str:
    """Name a recipe: another recipe, kernel or Debian release is another box."""
    recipe = Path(__file__).read_bytes() + kernel.name.encode() + suite().encode()
    return hashlib.sha256(recipe).hexdigest()[:16]


def suite() -> str:
    text = Path("/etc/os-release").read_text()
    match = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', text, re.M)
    if match is None or not re.search(r"^ID=debian$", text, re.M):
        raise BoxError("The box is built from Debian's own packages, on a Debian machine only.")
    return match[1]


def cached_box(cache: Path) -> Path:
    """Return the box file, built now if this recipe's is not in the cache yet (about a minute)."""
    kernel = find_kernel()
    box = cache / f"lab-{recipe_digest(kernel)}.box"
    if not box.exists():
        cache.mkdir(parents=True, exist_ok=True)
        work = cache / f".{box.stem}.{os.getpid()}"
        try:
            build_box(work, kernel).rename(box)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        drop_old_boxes(cache)
    return box


def drop_old_boxes(cache: Path, keep: int = 2) -> None:
    """Keep the newest boxes only: 0.2 GB each, and every change of this file makes another."""
    boxes = sorted(cache.glob("lab-*.box"), key=lambda path: path.stat().st_mtime)
    for box in boxes[:-keep]:
        box.unlink(missing_ok=True)


def build_box(work: Path, kernel: Path) -> Path:
    work.mkdir(parents=True)
    root = work / "root"
    make_root(root)
    add_user(root)
    add_files(root)
    add_modules(root, kernel.name.removeprefix("vmlinuz-"))
    content = work / "content"
    content.mkdir()
    shutil.copyfile(kernel, content / "vmlinuz")
    make_initrd(root, work / "initrd", content / "initrd.img", kernel.name.removeprefix("vmlinuz-"))
    make_disk(root, work / "disk.raw", content / "box.img")
    (content / "metadata.json").write_text(
        json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": 1})
    )
    (content / "Vagrantfile").write_text(VAGRANTFILE)
    return pack(content, work / "lab.box")


def call(*command: str | Path) -> None:
    """Run a builder's command; BoxError carries the end of what it said."""
    result = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    if result.returncode != 0:
        raise BoxError(f"{command[0]} failed ({result.returncode}): {result.stdout[-1500:]}")


def make_root(root: Path) -> None:
    """Install the packages from wherever this machine gets its own."""
    sources = [path for path in host_sources() if "debian" in path.read_text()]
    exclude = [
        f"--dpkgopt=path-exclude=/usr/share/{name}/*"
        for name in ("doc", "man", "locale", "info", "bash-completion")
    ]
    call(
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--skip=cleanup/apt",
        f"--include={','.join(PACKAGES)}",
        *exclude,
        suite(),
        root,
        *sources,
    )
    for folder in ("var/lib/apt/lists", "var/cache/apt", "usr/share/zoneinfo", "usr/lib/udev/hwdb.d"):
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir(parents=True)


def host_sources() -> list[Path]:
    apt = Path("/etc/apt")
    found = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("debian.*"))]
    return [path for path in found if path.is_file()]


def add_user(root: Path) -> None:
    call("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", "vagrant")
    folder = root / "home/vagrant/.ssh"
    folder.mkdir(mode=0o700)
    shutil.copyfile(insecure_key(), folder / "authorized_keys")
    (folder / "authorized_keys").chmod(0o600)
    call("chroot", root, "chown", "-R", "vagrant:vagrant", "/home/vagrant/.ssh")
    # One kind of host key is enough, and made here it need not be made in the guest.
    for key in root.glob("etc/ssh/ssh_host_*"):
        if "ed25519" not in key.name:
            key.unlink()


def insecure_key() -> Path:
    """Return the public key that Vagrant ships and replaces at a box's first boot."""
    places = [
        *Path("/usr/share").glob("**/vagrant-[0-9]*/keys/vagrant.pub"),
        *Path("/opt").glob("vagrant/**/keys/vagrant.pub"),
    ]
    if not places:
        raise BoxError("Vagrant's own public key was not found; is vagrant installed?")
    return places[0]


def add_files(root: Path) -> None:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "etc/sudoers.d/vagrant").chmod(0o440)
    for rules in root.glob("usr/lib/udev/rules.d/*"):
        if rules.name not in UDEV_RULES:
            rules.unlink()
    # Without it Vagrant sets the name by `hostname`, which needs no service.
    (root / "usr/bin/hostnamectl").unlink()
    # Given, not made at the first boot: a first boot would set up every unit anew.
    (root / "etc/machine-id").write_text(hashlib.sha256(b"labbox").hexdigest()[:32] + "\n")
    call("systemctl", f"--root={root}", "enable", "systemd-networkd.service", "ssh.service")
    call("systemctl", f"--root={root}", "mask", *MASKED_UNITS)
    call("systemctl", f"--root={root}", "set-default", "multi-user.target")


def add_modules(root: Path, release: str) -> None:
    """Copy the few modules that the guest loads, with what they need."""
    for path in module_files(GUEST_MODULES, release):
        target = root / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        shutil.copyfile(f"/lib/modules/{release}/{name}", root / f"lib/modules/{release}/{name}")
    call("depmod", "-b", root, release)


def module_files(names: tuple[str, ...], release: str) -> list[Path]:
    """Return the files of these modules, each after what it needs."""
    files: dict[Path, None] = {}
    for name in names:
        listed = subprocess.run(
            ["modprobe", "--set-version", release, "--show-depends", "--ignore-install", name],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        files.update(
            {Path(line.split()[1]): None for line in listed.splitlines() if line.startswith("insmod ")}
        )
    return list(files)


def make_initrd(root: Path, folder: Path, target: Path, release: str) -> None:
    """Make the smallest initrd: a static busybox (from the root, which does without) and four modules."""
    for name in ("bin", "dev", "proc", "root"):
        (folder / name).mkdir(parents=True)
    shutil.move(root / "bin/busybox", folder / "bin/busybox")
    files = module_files(BOOT_MODULES, release)
    for path in files:
        shutil.copyfile(path, folder / path.name)
    (folder / "modules.list").write_text("\n".join(path.name for path in files))
    (folder / "init").write_text(INIT)
    (folder / "init").chmod(0o755)
    # Not compressed: 3 MB are read faster than unpacked by an emulated processor.
    call("sh", "-c", 'cd "$0" && find . | cpio -o -H newc > "$1"', folder, target)


def make_disk(root: Path, raw: Path, target: Path) -> None:
    call(
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-O",
        "^has_journal,^metadata_csum",
        "-E",
        "lazy_itable_init=1",
        "-d",
        root,
        raw,
        DISK,
    )
    call("qemu-img", "convert", "-O", "qcow2", raw, target)


def pack(content: Path, target: Path) -> Path:
    """Pack without compressing: the box goes to the next folder, not over a network."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(content.iterdir()):
            tar.add(path, arcname=path.name)
    return target
