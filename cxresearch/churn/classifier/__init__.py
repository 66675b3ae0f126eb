"""Classifier.

``churn_model``
    A fitted churn model: what it was given, how it was split, what it may be asked.
``classifiers``
    The scikit-learn side of the churn model: preparation, settings, tuning, calibration, resampling.
``fit_churn``
    ``fit_churn``: a calibrated churn classifier, split by customer and by time before anything is fitted.
``leak_alarms``
    Leak alarms: columns of landmark rows that know the outcome better than anything known by then could.
``model_card``
    Keeping a churn model: its card, and a file that holds it without pickle.
``training_rows``
    From landmarks to the matrix a classifier reads: columns, outcome, weights, and which side of the split.
"""
