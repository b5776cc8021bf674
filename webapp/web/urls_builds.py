"""Addresses of builds, artifacts, components and followed branches."""

from django.urls import path

from webapp.web.views import artifacts, bisects, builds, components

urlpatterns = [
    path("builds/", builds.builds, name="builds"),
    path("builds/rows", builds.build_rows, name="build-rows"),
    path("builds/new", builds.build_new, name="build-new"),
    path("builds/new/resolved", builds.build_new_resolved, name="build-new-resolved"),
    path("builds/fetch", builds.build_fetch, name="build-fetch"),
    path("builds/<int:pk>/", builds.build, name="build"),
    path("builds/<int:pk>/head", builds.build_head, name="build-head"),
    path("builds/<int:pk>/results", builds.build_results, name="build-results"),
    path("builds/<int:pk>/cancel", builds.build_cancel, name="build-cancel"),
    path("builds/<int:pk>/again", builds.build_again, name="build-again"),
    path("builds/artifacts/upload", artifacts.artifact_upload, name="artifact-upload"),
    path("builds/artifacts/<int:pk>/", artifacts.artifact, name="artifact"),
    path("builds/artifacts/<int:pk>/download", artifacts.artifact_download, name="artifact-download"),
    path("builds/artifacts/<int:pk>/keep", artifacts.artifact_keep, name="artifact-keep"),
    path("builds/components/", components.components, name="components"),
    path("builds/components/add", components.component_add, name="component-add"),
    path("builds/components/<int:pk>/remove", components.component_remove, name="component-remove"),
    path("builds/follows/", components.follows, name="follows"),
    path("builds/<int:pk>/follow", components.follow_add, name="follow-add"),
    path("builds/follows/<int:pk>/stop", components.follow_stop, name="follow-stop"),
    path("builds/follows/<int:pk>/inject", components.follow_inject, name="follow-inject"),
    path("builds/bisects/", bisects.bisects, name="bisects"),
    path("builds/bisects/new", bisects.bisect_new, name="bisect-new"),
    path("builds/bisects/<int:pk>/", bisects.bisect, name="bisect"),
    path("builds/bisects/<int:pk>/trials", bisects.bisect_trials, name="bisect-trials"),
    path("builds/bisects/<int:pk>/cancel", bisects.bisect_cancel, name="bisect-cancel"),
]
