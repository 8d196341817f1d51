"""Plans as people see, keep and apply them: what `plan` shows, `plan --save` stores and `deploy --plan` holds to.

In: a `DeployPlan`. Out: a `Preview` (frozen, for any rendering), and in the environment's bucket a saved plan: the
exact plan files with all that must still be so when they are applied. Nothing here shows the value of an attribute.
"""
