"""Labs, hosts, activity, people, signing in."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from webapp.web.views import accounts, activity, hosts, labs, palette

urlpatterns = [
    path("", labs.labs, name="labs"),
    path("labs/cards", labs.lab_cards, name="lab-cards"),
    path("labs/new", labs.lab_new, name="lab-new"),
    path("labs/new/made", labs.lab_new_made, name="lab-new-made"),
    path("labs/<slug:slug>/", labs.lab, name="lab"),
    path("labs/<slug:slug>/head", labs.lab_head, name="lab-head"),
    path("labs/<slug:slug>/machines", labs.lab_machines, name="lab-machines"),
    path("labs/<slug:slug>/run", labs.lab_run, name="lab-run"),
    path("labs/<slug:slug>/history", labs.lab_history, name="lab-history"),
    path("labs/<slug:slug>/destroy", labs.lab_destroy, name="lab-destroy"),
    path("labs/<slug:slug>/verbs/<slug:verb>", labs.lab_verb, name="lab-verb"),
    path("labs/<slug:slug>/guests", labs.lab_guest_add, name="lab-guest-add"),
    path("labs/<slug:slug>/members/remove", labs.lab_member_remove, name="lab-member-remove"),
    path("hosts/", hosts.hosts, name="hosts"),
    path("hosts/cards", hosts.host_cards, name="host-cards"),
    path("hosts/<slug:name>/", hosts.host, name="host"),
    path("hosts/<slug:name>/facts", hosts.host_facts, name="host-facts"),
    path("hosts/<slug:name>/inspect", hosts.host_inspect, name="host-inspect"),
    path("activity/", activity.activity, name="activity"),
    path("palette", palette.palette, name="palette"),
    path("people/", accounts.people, name="people"),
    path("people/add", accounts.person_add, name="person-add"),
    path("people/<int:pk>/role", accounts.person_role, name="person-role"),
    path("people/<int:pk>/active", accounts.person_active, name="person-active"),
    path("people/<int:pk>/password", accounts.person_password, name="person-password"),
    path("sign-in", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("password", accounts.ChangePassword.as_view(), name="password"),
    path("first-run", accounts.first_run, name="first-run"),
]
