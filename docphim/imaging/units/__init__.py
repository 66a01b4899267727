"""From stored values to physical units: standardised uptake values (SUV) of PET."""
