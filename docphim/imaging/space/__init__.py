"""Where a volume's values are in the patient: one orientation, one grid."""
