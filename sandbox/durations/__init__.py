"""How long real AWS would take: a model, from published durations, on the graph that the engine built."""
