"""What the rows of the grammar can ask: one view for each kind of decision, one small method for each atom.

An atom reads its view alone and decides nothing by itself; the rows of grammar/*.yaml say what follows from it.
"""
