"""Which file system a path is on, read from /proc/self/mountinfo (proc(5)):

    36 35 98:0 / /mnt/shop rw,noatime master:1 - ext4 /dev/vda rw
                 mount point                     type

On a network file system `flock` may not exclude, mapped memory is not shared and fsync may not reach a disk, so
SQLite's WAL and the owner's lock are both unsafe there.
"""

from pathlib import Path

from sagamore.engine.errors import NotWritable

MOUNTINFO = Path("/proc/self/mountinfo")
NETWORK_TYPES = frozenset(
    (
        "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
        "ocfs2", "orangefs", "smb2", "smb3", "smbfs",
        "fuse.ceph-fuse", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.rclone",
        "fuse.s3fs", "fuse.sshfs",
    )
)  # fmt: skip


def refuse_network(path: Path) -> None:
    """Raise NotWritable if `path`, which need not exist, is on a network file system. Where there is no mountinfo
    (macOS, BSD) nothing is known and nothing is refused."""
    try:
        mountinfo = MOUNTINFO.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return
    kind = type_at(path.resolve(), mountinfo)
    if kind in NETWORK_TYPES:
        raise NotWritable(f"{path} is on a network file system ({kind}); Sagamore needs a local disk")


def type_at(path: Path, mountinfo: str) -> str:
    """The type of the file system at an absolute path without links; "" if it is not told."""
    found, depth = "", 0
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(_unescaped(left.split(" ")[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:  # of two at one point the later hides the other
            found, depth = right.split(" ")[0], len(point.parts)
    return found


def _unescaped(point: str) -> str:
    for escape, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        point = point.replace(escape, character)
    return point
