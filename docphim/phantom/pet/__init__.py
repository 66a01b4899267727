"""The phantom's PET/CT: one body from the vertex to the thigh, painted twice, in SUV and in HU, with its reports and truth."""
