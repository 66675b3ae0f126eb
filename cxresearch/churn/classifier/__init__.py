"""A calibrated churn classifier: rows, split, fit, alarms, and a file that holds it.

- `fit_churn`: the fit, split by customer and by time before anything is learnt.
- `training_rows`: landmark rows as a matrix with outcomes, weights and sides of the split.
- `classifiers`: preparation, settings, tuning, calibration and resampling in scikit-learn.
- `leak_alarms`: columns that know the outcome better than anything known by then could.
- `churn_model`: the fitted model as a value.
- `saved_parts`: the parts of a saved model, checked before a model is made of them.
- `model_card`: its card, and saving it without pickle.
"""
