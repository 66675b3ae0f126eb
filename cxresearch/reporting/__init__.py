"""Reports: a notebook with parameters becomes a published page, and a history of pages.

- `present`: what a report notebook is written with.
- `captions`: what a picture shows, in a sentence for a manager.
- `scorecard_captions`: what the scorecard's page says around its figures.
- `risk_captions`: what the report of risks says of its list.
- `plan`: a run that has passed every check that needs no kernel.
- `run_report`: one run, from parameters to a published folder.
- `run_each`: one report for each segment.
- `verify_run`: a run made again and compared; how two runs differ.
- `history`: the runs of a report over time, and pruning.
- `inputs`: which files a report was made from.
- `outcome`: exit codes, the error that carries them, the outcome of a run.
- `schedule`: what to paste to have a report made regularly.

Rooms: `presenting` (what cells call), `rehearsal` (what is known before a run), `notebook` (read as source),
`writing` (what a page may say), `page` (page, mail, lists of runs), `worker` (the process that executes),
`shelf` (where runs stand). HTML and schedules stand in `templates/`.
"""
