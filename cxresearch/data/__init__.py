"""Studies: the study file, readers, validation, landmark rows and the synthetic studies."""
