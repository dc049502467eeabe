"""Pure arithmetic: samples in, numbers with intervals out.

Nothing in here reads a clock, a file or a policy. Bounds are one-sided, each at the confidence that was asked for: of
an interval at 95 % the low end exceeds the truth in at most 5 % of cases, and so does the high end fall short of it
(together they cover at least 90 %). So a claim "beyond the limit" and a claim "within the limit" each err in at most
5 %. An end that the samples cannot give is ``None``.

All bounds assume independent samples and one look at the end. Bursts, pauses of whole hosts and repeated looks break
that assumption; time blocks and sequential tests are the remedy, and replace these estimators one by one.
"""
