"""The phantom's chest CT: the body of the film as a volume of Hounsfield units, its lesions, series, reports and truth."""
