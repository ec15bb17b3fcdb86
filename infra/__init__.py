"""The Pulumi program: what one stack of a cohort is made of."""
