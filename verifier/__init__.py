"""What runs say about a claim: samples, intervals, decisions, verdicts."""
