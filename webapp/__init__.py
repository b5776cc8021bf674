"""SIG-Windows Lab: launch, watch and share Kubernetes-on-Windows labs."""
