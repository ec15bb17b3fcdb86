"""Waves of namespaces in the hands of Pulumi: which stacks, run how, what is half done."""
