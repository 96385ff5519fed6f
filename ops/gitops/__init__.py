"""`platform gitops render`: what Argo CD will apply, Application by Application, without a cluster or credentials."""
