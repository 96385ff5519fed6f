"""The AWS Load Balancer Controller: what it reads out of Ingresses, and the load balancers that it makes of that.

Behaviour and words follow https://github.com/kubernetes-sigs/aws-load-balancer-controller, `pkg/ingress` and
`pkg/networking`, at v3.5.0. Targets are not registered, and the security group that all load balancers share is not
made.
"""
