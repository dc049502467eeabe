"""The example shop does what it says: good releases are good and bad ones show their fault."""
