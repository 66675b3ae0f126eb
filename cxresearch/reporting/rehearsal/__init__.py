"""What can be known before a report runs: ``cxresearch run --dry-run``.

- `dry_run`: report, parameters, study, tables, disk and lock, and what would be refused.
- `room_on_disk`: room for a run, and what is said where the disk refuses.
- `trial`: what the report wants, which names its parameters hold, and its first computation.
"""
