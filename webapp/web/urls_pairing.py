"""Addresses of pairings and of invitations."""

from django.urls import path

from webapp.web.views import invitations, pairing, pairing_talk

ONE = "labs/<slug:slug>/pairings/<int:number>"

urlpatterns = [
    path("pairings/", pairing.all_pairings, name="all-pairings"),
    path("pairings/mine", pairing.mine, name="my-pairings"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("labs/<slug:slug>/pairings/", pairing.pairings, name="pairings"),
    path("labs/<slug:slug>/pairings/new", pairing.pairing_new, name="pairing-new"),
    path("labs/<slug:slug>/pairings/panel", pairing.panel, name="pairing-panel"),
    path("labs/<slug:slug>/pairings/chip", pairing.chip, name="pairing-chip"),
    path(f"{ONE}/", pairing.pairing, name="pairing"),
    path(f"{ONE}/head", pairing.pairing_head, name="pairing-head"),
    path(f"{ONE}/people", pairing.pairing_people, name="pairing-people"),
    path(f"{ONE}/start", pairing.pairing_start, name="pairing-start"),
    path(f"{ONE}/join", pairing.pairing_join, name="pairing-join"),
    path(f"{ONE}/leave", pairing.pairing_leave, name="pairing-leave"),
    path(f"{ONE}/end", pairing.pairing_end, name="pairing-end"),
    path(f"{ONE}/shells/open", pairing.pairing_shell_open, name="pairing-shell-open"),
    path(f"{ONE}/invite", pairing.pairing_invite, name="pairing-invite"),
    path(f"{ONE}/invitations/<int:pk>/revoke", pairing.pairing_revoke, name="pairing-revoke"),
    path(f"{ONE}/guests/<int:pk>/remove", pairing.pairing_remove, name="pairing-remove"),
    path(f"{ONE}/summary.md", pairing.pairing_summary, name="pairing-summary"),
    path(f"{ONE}/chat", pairing_talk.pairing_chat, name="pairing-chat"),
    path(f"{ONE}/notes", pairing_talk.pairing_notes, name="pairing-notes"),
    path(f"{ONE}/notes/<int:pk>", pairing_talk.pairing_note, name="pairing-note"),
    path(f"{ONE}/notes/<int:pk>/history", pairing_talk.pairing_history, name="pairing-history"),
    path(f"{ONE}/quote", pairing_talk.pairing_quote, name="pairing-quote"),
]
