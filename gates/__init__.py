"""Release gates that come with relgate. A gate runs when the policy defines its id; all figures stand in the policy."""
