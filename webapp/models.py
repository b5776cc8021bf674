"""Gathers the rooms' models for Django; nothing else."""

from webapp.accounts.models import AuditEntry, User
from webapp.bisects.models import Bisect, Trial
from webapp.builds.models import Artifact, ArtifactUse, Build, Follow, UserComponent
from webapp.cluster.models import (
    Change,
    Cluster,
    Errand,
    Fix,
    NamedMachine,
    NodeLog,
    Sighting,
    Workload,
)
from webapp.definitions.models import Definition, Revision
from webapp.hosts.models import Host
from webapp.inject.models import Injection
from webapp.labs.models import Lab, Machine, Member
from webapp.logs.models import Log, LogChunk, Spool
from webapp.pairing.models import Invitation, Message, Pairing, Paragraph, ParagraphEdit, Participant, Quote
from webapp.runs.models import Finding, Run, Step
from webapp.shells.models import Recording, Terminal

__all__ = [
    "Artifact",
    "ArtifactUse",
    "AuditEntry",
    "Bisect",
    "Build",
    "Change",
    "Cluster",
    "Definition",
    "Errand",
    "Finding",
    "Fix",
    "Follow",
    "Host",
    "Injection",
    "Invitation",
    "Lab",
    "Log",
    "LogChunk",
    "Machine",
    "Member",
    "Message",
    "NamedMachine",
    "NodeLog",
    "Pairing",
    "Paragraph",
    "ParagraphEdit",
    "Participant",
    "Quote",
    "Recording",
    "Revision",
    "Run",
    "Sighting",
    "Spool",
    "Step",
    "Terminal",
    "Trial",
    "User",
    "UserComponent",
    "Workload",
]
