"""The walk without a process: a state machine calls one function, which makes one look at one walk and returns.

In: what is walked (`job`), never a secret. Out: whether it is over, and when to look again. The look is
`pipeline.release.walk.walk.tick`, as in every other controller; nothing here decides anything of a release.

- `job`: what an execution is told, and what it is called.
- `look`: one look: the lease, the record, the tick, the answer.
- `handler`: the function.
- `bundle`: its package: exactly what `handler` imports.
- `start`: gives walks to an execution.

What `handler` imports may be the standard library, `pipeline` and botocore, and nothing else.
"""
