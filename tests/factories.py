"""One factory per model, with defaults only; tests say what matters to them."""

import factory
from django.utils import timezone

from webapp.accounts.models import Role, User
from webapp.catalog.spec import LabSpec
from webapp.definitions.models import Definition, Revision
from webapp.hosts.models import Host
from webapp.labs.models import Lab, Machine, Member
from webapp.logs.models import Log
from webapp.planning.plan import Plan
from webapp.runs.models import Run, Step

PASSWORD = "correct horse battery"


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    role = Role.MEMBER
    password = factory.django.Password(PASSWORD)


class HostFactory(factory.django.DjangoModelFactory[Host]):
    class Meta:
        model = Host

    name = factory.Sequence(lambda n: f"host-{n}")
    seen_at = factory.LazyFunction(timezone.now)
    checked_at = factory.LazyFunction(timezone.now)


class DefinitionFactory(factory.django.DjangoModelFactory[Definition]):
    class Meta:
        model = Definition

    name = factory.Sequence(lambda n: f"Definition {n}")
    slug = factory.Sequence(lambda n: f"definition-{n}")
    owner = factory.SubFactory(UserFactory)


class RevisionFactory(factory.django.DjangoModelFactory[Revision]):
    class Meta:
        model = Revision

    definition = factory.SubFactory(DefinitionFactory)
    number = 1
    text = "cni: calico\n"
    spec = factory.LazyFunction(lambda: LabSpec().to_json())
    author = factory.SelfAttribute("definition.owner")


class LabFactory(factory.django.DjangoModelFactory[Lab]):
    class Meta:
        model = Lab

    name = factory.Sequence(lambda n: f"lab-{n}")
    slug = factory.SelfAttribute("name")
    owner = factory.SubFactory(UserFactory)
    revision = factory.SubFactory(RevisionFactory)
    host = factory.SubFactory(HostFactory)
    provider = "rehearsal"
    spec = factory.LazyFunction(lambda: LabSpec().to_json())
    kit_digest = "0" * 64
    name_prefix = factory.LazyAttribute(lambda lab: f"{lab.slug}-")
    subnet = factory.Sequence(lambda n: f"10.{n // 250 % 250}.{n % 250}.0/24")


class MachineFactory(factory.django.DjangoModelFactory[Machine]):
    class Meta:
        model = Machine

    lab = factory.SubFactory(LabFactory)
    position = factory.Sequence(lambda n: n)
    name = factory.Sequence(lambda n: f"winw{n}")
    role = "windows"
    cpus = 2
    memory_mib = 6144
    box = "some/box 1.0"


class MemberFactory(factory.django.DjangoModelFactory[Member]):
    class Meta:
        model = Member

    lab = factory.SubFactory(LabFactory)
    user = factory.SubFactory(UserFactory)


class LogFactory(factory.django.DjangoModelFactory[Log]):
    class Meta:
        model = Log


class RunFactory(factory.django.DjangoModelFactory[Run]):
    class Meta:
        model = Run

    lab = factory.SubFactory(LabFactory)
    number = factory.Sequence(lambda n: n + 1)
    verb = "launch"
    plan = factory.LazyFunction(lambda: Plan(()).to_json())
    log = factory.SubFactory(LogFactory)
    requested_by = factory.SelfAttribute("lab.owner")


class StepFactory(factory.django.DjangoModelFactory[Step]):
    class Meta:
        model = Step

    run = factory.SubFactory(RunFactory)
    number = factory.Sequence(lambda n: n + 1)
    key = factory.Sequence(lambda n: f"step {n}")
    kind = "provision"
    title = "Do a thing"
