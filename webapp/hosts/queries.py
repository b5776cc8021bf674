"""Read the lab hosts."""

from django.db.models import Count, Q, QuerySet

from webapp.hosts.models import Host


def all_hosts() -> QuerySet[Host]:
    """Every host with `lab_count`, the labs that are on it now."""
    return Host.objects.annotate(lab_count=Count("labs", filter=Q(labs__destroyed_at=None))).order_by("name")
