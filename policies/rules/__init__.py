"""Rules by subject: plain functions over plain data; `policies.pack` hands them to the engine, tests call them."""
