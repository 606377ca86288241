"""What published runs put into the documents that quote them."""
