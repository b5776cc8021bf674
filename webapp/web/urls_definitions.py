"""Definitions."""

from django.urls import path

from webapp.web.views import definitions

urlpatterns = [
    path("definitions/", definitions.definitions, name="definitions"),
    path("definitions/new", definitions.definition_new, name="definition-new"),
    path("definitions/import", definitions.definition_import, name="definition-import"),
    path("definitions/check", definitions.definition_check, name="definition-check"),
    path("definitions/<slug:slug>/", definitions.definition, name="definition"),
    path("definitions/<slug:slug>/edit", definitions.definition_edit, name="definition-edit"),
    path("definitions/<slug:slug>/compare", definitions.definition_compare, name="definition-compare"),
    path("definitions/<slug:slug>/archive", definitions.definition_archive, name="definition-archive"),
    path(
        "definitions/<slug:slug>/export/<slug:generation>",
        definitions.definition_export,
        name="definition-export",
    ),
]
