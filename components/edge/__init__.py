"""How the outside reaches the stack: names, certificates, a firewall, a CDN and a login."""
